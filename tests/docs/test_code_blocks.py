"""Blocks of code in README and docs: Python runs from top to bottom, commands of foretell run in a shop.

What is shown below a block is what it prints. Lines that are not run stand in a list, with the reason.
"""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import foretell
from doc_blocks import LANGUAGES, PAGES, ROOT, blocks, require_said
from foretell.tables.simulate import simulate

EVERY = [block for page in PAGES for block in blocks(page)]
NOT_RUN = {
    r"make [a-z-]+": "makes an environment or runs tests; its target must exist",
    r"uv pip compile .*": "needs uv and a package index",
    r"MLFLOW_DISABLE_TELEMETRY=true \.venv/bin/mlflow ui .*": "a server that goes on until it is stopped",
}
IN_A_SHOP = ("README.md", "docs/segments.md", "docs/uploads.md", "docs/scale.md")
DEMO = "foretell segments preview win_back --set folders.output=data/exports/demo"


def shell_lines():
    return [(block, line) for block in EVERY if block.language == "sh" for line in block.commands]


def is_run(line):
    return re.match(r"(?:\.venv/bin/)?foretell ", line) is not None


def test_every_block_says_its_language():
    assert {block.language for block in EVERY} <= LANGUAGES, [b for b in EVERY if b.language not in LANGUAGES]
    assert {"python", "sh", "toml"} <= {block.language for block in EVERY}


def test_an_output_that_is_no_longer_true_is_noticed():
    printed = "Scored 20 customers with bundle 0123456789abcdef\n  one\n  two 5.00"
    require_said("Scored 20 customers with bundle fedcba9876543210\n…\n  two 5.01", printed)
    for shown in ("Scored 21 customers with bundle fedcba9876543210", "  two 6.00", "  two 5.00\n  one", "three"):
        with pytest.raises(AssertionError, match="not printed"):
            require_said(shown, printed)


def test_what_is_not_run_is_listed_with_its_reason():
    for block, line in shell_lines():
        if block.page != "docs/cli.md" and not is_run(line):
            assert any(re.fullmatch(pattern, line) for pattern in NOT_RUN), (block.page, line)
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE))
    assert {line.split()[1] for _, line in shell_lines() if line.startswith("make ")} <= targets


@pytest.mark.slow
def test_the_python_of_the_readme_runs_and_prints_what_it_shows(tmp_path, monkeypatch, capsys):
    import matplotlib.pyplot as plt

    put_files_of_the_readme(tmp_path)
    monkeypatch.chdir(tmp_path)
    names = {}
    mine = blocks(ROOT / "README.md")
    ran = 0
    for place, block in enumerate(mine):
        if block.language == "python":
            exec(compile(block.text, f"{block.page}:{block.line}", "exec"), names)  # noqa: S102  our own page
            printed, ran = capsys.readouterr().out, ran + 1
            if mine[place + 1].language == "text":
                require_said(mine[place + 1].text, printed)
    assert ran >= 5
    plt.close("all")


def test_python_stands_in_the_readme_only():
    assert {block.page for block in EVERY if block.language == "python"} == {"README.md"}


@pytest.mark.slow
def test_the_demo_prints_what_the_readme_shows(tmp_path):
    shim(tmp_path)
    printed = call(tmp_path, "foretell demo") + call(tmp_path, DEMO)
    shown = [block.text for block in blocks(ROOT / "README.md") if block.language == "text"]
    told = [text for text in shown if text.startswith(("Scored", "Backtest", "win_back"))]
    assert len(told) == 3
    for text in told:
        require_said(text, printed)


@pytest.mark.slow
@pytest.mark.parametrize("page", IN_A_SHOP)
def test_the_commands_of_a_page_run(page, tmp_path):
    """In a shop with orders until October 2026; each ends with 0, as the page implies."""
    lines = [line for block, line in shell_lines() if block.page == page and is_run(line)]
    lines = [line for line in lines if line.removeprefix(".venv/bin/") != DEMO]
    assert lines
    shim(tmp_path)
    if page == "README.md":
        call(tmp_path, lines.pop(0))
        put_shop(tmp_path, tmp_path / "my-shop/data/raw/orders.csv")
        config = tmp_path / "my-shop/foretell.toml"
    else:
        put_shop(tmp_path, tmp_path / "data/raw/orders.csv")
        config = tmp_path / "foretell.toml"
        config.write_text(
            '[data.orders]\npath = "data/raw/orders.csv"\n[data.customers]\npath = "customers.csv"\n'
            '[training]\nrungs = ["purchase"]\n',
            encoding="utf-8",
        )
        call(tmp_path, "foretell train --as-of 2026-10-01 --no-tracking")
        if page != "docs/scale.md":
            call(tmp_path, "foretell score --as-of 2026-11-01")
    for line in lines:
        if line.startswith("foretell verify"):
            upload = next((config.parent / "data/exports/uploads").rglob("meta/win_back.csv"))
            (tmp_path / "win_back.csv").write_bytes(upload.read_bytes())
        call(tmp_path, line)


@pytest.mark.parametrize("block", [b for b in EVERY if b.language == "toml" and "[[segments]]" not in b.text],
                         ids=lambda block: f"{block.page}:{block.line}")  # fmt: skip
def test_settings_in_the_pages_are_known(block, tmp_path):
    """Those of segments are tried in tests/delivery/test_segment_docs.py."""
    text = block.text if "[data.orders]" in block.text else block.text + '\n[data.orders]\npath = "orders.csv"\n'
    (tmp_path / "foretell.toml").write_text(text, encoding="utf-8")
    shim(tmp_path)
    assert "orders" in call(tmp_path, "foretell config show")


def shim(folder):
    """The command of the tests' own foretell, first in the path of a shell."""
    source = str(Path(foretell.__file__).parents[1])
    program = folder / "bin/foretell"
    program.parent.mkdir()
    program.write_text(
        f"#!/bin/sh\nPYTHONPATH={source} exec {sys.executable} -c 'from foretell.cli import main; main()' \"$@\"\n",
        encoding="utf-8",
    )
    program.chmod(0o755)


def call(folder, line):
    line = line.removeprefix(".venv/bin/")
    done = subprocess.run(
        ["/bin/sh", "-c", f'PATH="{folder}/bin:$PATH"; {line}'],
        cwd=folder, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, (line, done.stdout[-500:], done.stderr[-1500:])
    return done.stdout


def put_shop(folder, orders):
    """A shop whose columns are named as foretell's own, customers with consent, and a list of nobody to contact."""
    data, _ = simulate(customers=2_000, seed=5, start="2024-11-01", end="2026-11-01", tables=["customers"])
    orders.parent.mkdir(parents=True, exist_ok=True)
    rows = data.orders.select("customer_id", "ordered_at", amount=pl.col("amount_minor") / 10_000)
    rows.collect().write_csv(orders)
    people = data.optional.customers.collect().with_columns(consent_ads=True, consent_email=True)
    people.write_csv(folder / "customers.csv")
    people.select("customer_id").head(1).write_csv(folder / "do_not_contact.csv")


def put_files_of_the_readme(folder):
    data, _ = simulate(customers=300, seed=2, tables="all")
    orders = data.orders.collect().with_columns(amount=pl.col("amount_minor") / 10_000)
    orders.select(
        CustomerID="customer_id",
        InvoiceDate=pl.col("ordered_at").dt.strftime("%m/%d/%Y %H:%M"),
        InvoiceNo="order_id",
        Quantity=pl.lit(1),
        UnitPrice="amount",
    ).write_csv(folder / "online_retail.csv")
    orders.select(client="customer_id", created="ordered_at", total="amount", number="order_id").write_csv(
        folder / "orders.csv"
    )
    tables = data.optional
    lines = tables.order_lines.collect()
    lines.select("quantity", number="order_id", sku="product_id", department="category").write_parquet(
        folder / "lines.parquet"
    )
    (folder / "events").mkdir()
    tables.events.rename({"event": "action"}).collect().write_parquet(folder / "events/2025.parquet")
    people = tables.customers.collect()
    people.select("country", client="customer_id", tier=pl.lit("gold")).write_csv(folder / "crm.csv")
    tables.calendar.write_csv(folder / "calendar.csv")
    rng = np.random.default_rng(0)
    tenure = rng.integers(1, 72, 1_200)
    churned = rng.random(1_200) < 1 / (1 + np.exp(tenure / 20 - 0.5))
    pl.DataFrame(
        {
            "customerID": [f"{number:05}" for number in range(1_200)],
            "tenure": tenure,
            "Contract": rng.choice(["month", "year"], 1_200),
            "MonthlyCharges": rng.gamma(4, 15, 1_200),
            "Churn": np.where(churned, "Yes", "No"),
        }
    ).write_parquet(folder / "telco_churn.parquet")
