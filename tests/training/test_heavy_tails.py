"""One customer must not move the total by a tenth, nor anybody else by much."""

from datetime import datetime, timedelta

import polars as pl
import pytest

from boosted_shops import AS_OF, HORIZONS, predictions, quick_recipe
from foretell.bundles.bundle import Bundle
from foretell.tables.dataset import CustomerData
from foretell.windows import Horizons

GIANT = "zz-giant"


def planted(data: CustomerData, as_of: datetime, kind: str) -> CustomerData:
    """Add a customer whose orders dwarf the typical one."""
    rows = data.orders.select("customer_id", "ordered_at", "amount_minor").collect()
    typical = int(rows.filter(pl.col("amount_minor") > 0)["amount_minor"].median() or 0)
    day = timedelta(days=1)
    orders = {
        "one order": [(as_of - 20 * day, 1_000 * typical)],
        "one of eight orders": [
            (as_of - (5 + 12 * turn) * day, (1_000 if turn == 3 else 1) * typical) for turn in range(8)
        ],
        "wholesaler": [(as_of - (5 + 7 * turn) * day, 50 * typical) for turn in range(15)],
    }[kind]
    giant = pl.DataFrame(
        [(GIANT, *order) for order in orders],
        schema={"customer_id": pl.String, "ordered_at": pl.Datetime("us"), "amount_minor": pl.Int64},
        orient="row",
    )
    return CustomerData.from_orders(pl.concat([rows, giant]), observed_until=data.observed_until)


def moved(before: pl.DataFrame, after: pl.DataFrame) -> tuple[float, float]:
    """Relative change of the total, and of the total of everybody else."""
    others = after.filter(pl.col("customer_id") != GIANT)
    assert others["customer_id"].to_list() == before["customer_id"].to_list()
    total = before["predicted_clv"].sum()
    return after["predicted_clv"].sum() / total - 1, others["predicted_clv"].sum() / total - 1


@pytest.mark.parametrize("kind", ["one order", pytest.param("wholesaler", marks=pytest.mark.slow)])
def test_a_giant_in_a_small_shop(boosted_shop: CustomerData, boosted: Bundle, kind: str) -> None:
    before = predictions(boosted_shop, boosted)
    data = planted(boosted_shop, AS_OF, kind)
    bundle = quick_recipe().fit(data, AS_OF, HORIZONS)
    after = predictions(data, bundle)
    total, others = moved(before, after)
    assert abs(total) < 0.1
    # A shop of 500: one more customer draws all folds and trees anew, which alone moves totals by about 1 %.
    assert abs(others) < 0.05
    giant = after.filter(customer_id=GIANT)["predicted_clv"].item()
    assert giant > before["predicted_clv"].max()
    assert bundle.refinement is not None
    assert bundle.refinement.ceiling is not None
    assert bundle.refinement.ceiling.largest is not None
    if kind == "one order":
        # What was seen once is hardly believed; the ceiling is not even needed.
        assert giant < bundle.refinement.ceiling.largest / 2


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["one order", "one of eight orders", "wholesaler"])
def test_a_giant_on_cdnow(cdnow_sample: CustomerData, kind: str) -> None:
    as_of, horizons = datetime(1998, 1, 1), Horizons(180, 90, 30)
    clean = CustomerData.from_orders(
        cdnow_sample.orders.select("customer_id", "ordered_at", "amount_minor").collect(),
        observed_until=cdnow_sample.observed_until,
    )
    before, after = (
        predictions(data, quick_recipe().fit(data, as_of, horizons), as_of)
        for data in (clean, planted(clean, as_of, kind))
    )
    total, others = moved(before, after)
    # Measured with the usual trees: .5 %, 6.8 % and 6.9 %; others by −.3 % each.
    assert abs(total) < 0.1
    assert abs(others) < 0.02
