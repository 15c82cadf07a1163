"""Customers and purchases before a cutoff, counted by hand and by bucket."""

from foretell.scoring.activity import activity_bucket


def test_three_customers_by_hand(few_orders):
    # anna bought on 1 March and bert long ago; cleo on 10 March; only anna and cleo were known before 4 March
    found = activity_bucket(few_orders, "2025-04-01", active_days=25)
    assert (found.customers, found.active_customers, found.recent_orders) == (3, 1, 1)
    assert activity_bucket(few_orders, "2025-03-02", active_days=40).recent_orders == 1
    assert activity_bucket(few_orders, "2025-01-01", active_days=40).customers == 0


def test_buckets_add_up(shop):
    data = shop[0]
    whole = activity_bucket(data, "2025-06-01", active_days=90)
    ids = data.orders.select("customer_id").unique().collect()["customer_id"]
    first = ids.filter(ids.str.len_bytes() + ids.str.slice(-1).is_in(["1", "3", "5"]).cast(int) > ids.str.len_bytes())
    rest = ids.filter(~ids.is_in(first.implode()))
    assert 0 < first.len() < ids.len()
    parts = [activity_bucket(data.of_customers(part), "2025-06-01", active_days=90) for part in (first, rest)]
    assert parts[0] + parts[1] == whole
