"""Accounts and days are looked at side by side, the larger of them where what is freed is given back."""

import threading

import polars as pl

import foretell as ft
from foretell.tables import accounting


def test_accounts_are_looked_at_on_the_thread_of_the_caller(monkeypatch):
    on = {}

    def watched(name):
        real = getattr(accounting, name)

        def noted(*args, **options):
            on[name] = threading.get_ident() == here
            return real(*args, **options)

        monkeypatch.setattr(accounting, name, noted)

    here = threading.get_ident()
    monkeypatch.setattr(pl, "thread_pool_size", lambda: 2)
    watched("account_notes")
    watched("order_day_notes")
    ft.read_orders(pl.DataFrame({"customer_id": ["a"], "ordered_at": ["2025-01-01"], "amount": [1.0]}))
    assert on == {"account_notes": True, "order_day_notes": False}
