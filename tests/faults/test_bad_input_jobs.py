"""Bad input from the command line to the folder: a named end, its exit code, nothing half-written, nobody quoted."""

import csv
import io
import json

import polars as pl
import pytest

import foretell as ft
from foretell.engines.trained_model import TrainedModel

DOMAIN = "@private.example"
AS_OF = "2025-08-01"
ORDERS = "data/raw/orders.csv"
MAY_NAME_CUSTOMERS = ("scores.csv", "scores.parquet", "segments/", "segments_diff.csv", "segment_members.parquet")


# --- refused: the same words and code from every command, nothing written ---------------------------------------------


def option(old, new):
    return lambda shop: shop.config(old, new)


def missing_file(shop):
    shop.orders.unlink()


def content(text):
    return lambda shop: shop.orders.write_bytes(text)


def replaced(old, new):
    return lambda shop: shop.orders.write_text(shop.orders.read_text(encoding="utf-8").replace(old, new))


def wrong_encoding(shop):
    shop.rows(lambda _, who, when, amount: [f"ä{who}", when, amount])
    shop.orders.write_bytes(shop.orders.read_text(encoding="utf-8").encode("cp1252"))


def renamed_columns(shop):
    shop.orders.write_text(shop.orders.read_text(encoding="utf-8").replace("customer_id,ordered_at", "who,orderd_at"))


def amounts(written):
    return lambda shop: shop.rows(lambda number, who, when, amount: [who, when, written(number, amount)])


def two_currencies(shop):
    header, *rows = csv.reader(io.StringIO(shop.orders.read_text(encoding="utf-8")))
    shop.write([[*header, "currency"], *([*row, ("EUR", "GBP")[number % 2]] for number, row in enumerate(rows))])


def mixed_zones(shop):
    shop.rows(lambda number, who, when, amount: [who, when[:19] + ("" if number % 3 else "Z"), amount])


REFUSED = {
    "missing file": (missing_file, ["there is no such file"]),
    "empty file": (content(b""), ["the file is empty"]),
    "header only": (content(b"customer_id,ordered_at,amount\n"), ["column names and no row"]),
    "wrong delimiter": (replaced(",", ";"), ["delimiter=';'"]),
    "wrong encoding": (wrong_encoding, ["not UTF-8", "encoding='cp1252'"]),
    "missing columns": (renamed_columns, ["2 problems", "no column 'customer_id'", "Did you mean 'orderd_at'?"]),
    "column mapped twice": (option('ordered_at = "ordered_at"', 'ordered_at = "customer_id"'), ["mapped twice"]),
    "unreadable dates": (replaced("-", "/"), ["none of the times can be read", "date_format="]),
    "another date format": (
        option('# date_format = "%d/%m/%Y %H:%M"', 'date_format = "%d/%m/%Y"'),
        ["as declared (%d/%m/%Y)"],
    ),
    "most dates after observed_until": (
        option("# observed_until = 2026-11-01", "observed_until = 2024-03-01"),
        ["more than half of the rows lie at or after observed_until 2024-03-01"],
    ),
    "no customer ids": (lambda shop: shop.rows(lambda _, *cells: ["", *cells[1:]]), ["rows have no customer id"]),
    "currency signs": (amounts(lambda _, amount: f"€{amount}"), ["carry a currency sign"]),
    "decimal commas": (amounts(lambda _, amount: amount.replace(".", ",")), ["decimal_comma=True"]),
    "no finite amount": (amounts(lambda number, _: ("nan", "inf", "-inf")[number % 3]), ["NaN or infinite"]),
    "two currencies": (two_currencies, ["the amounts are in 2 currencies"]),
    "mixed zones": (mixed_zones, ["some times have a UTC offset and others do not", "time_zone="]),
    "placeholder dates only": (
        lambda shop: shop.rows(lambda _, who, _when, amount: [who, "9999-12-31", amount]),
        ["order time outside 1900 to 2999"],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("spoil", "words"), REFUSED.values(), ids=REFUSED)
def test_input_that_is_refused(shop, spoil, words):
    spoil(shop)
    before = shop.content()
    for command in ("check", "train", "score"):
        code, out, err = shop.call(command)
        assert (command, code, out) == (command, 3, "")
        assert [word for word in words if word not in err] == []
        assert "Remedy: " in err
    assert shop.content() == before


@pytest.mark.parametrize(
    ("as_of", "observed_until", "words"),
    [
        ("2020-01-01", "", {"check": "the first is at", "train": "Nobody bought before", "score": "lies before"}),
        ("2025-10-01", "2025-09-01", dict.fromkeys(("check", "train", "score"), "lies after observed_until")),
    ],
    ids=["before the first order", "after an explicit observed_until"],
)
def test_as_of_where_nothing_is_known(shop, as_of, observed_until, words):
    if observed_until:
        shop.config("# observed_until = 2026-11-01", f"observed_until = {observed_until}")
    before = shop.content()
    for command, said in words.items():
        code, out, err = shop.call(command, "--as-of", as_of)
        assert (command, code, out) == (command, 3, "")
        assert said in err
        assert "Remedy: " in err
    assert shop.content() == before


@pytest.mark.parametrize("as_of", ["soon", "9999-12-31", "0001-01-01"])
def test_as_of_that_is_no_day_of_a_shop(shop, as_of):
    before = shop.content()
    for command in ("check", "train", "score"):
        code, _, err = shop.call(command, "--as-of", as_of)
        assert (command, code) == (command, 2)
        assert "--as-of" in err
    assert shop.content() == before


# --- rows that cannot be used: counted, and the rest is scored --------------------------------------------------------


def some(number, bad, good):
    return bad if number % 100 == 0 else good


COUNTED = {
    "unreadable dates": (lambda n, who, when, what: [who, some(n, "soon", when), what], "ordered_at_unreadable"),
    "dates that do not exist": (lambda n, who, when, what: [who, some(n, "2025-02-30", when), what],
                                "ordered_at_unreadable"),
    "placeholder dates": (lambda n, who, when, what: [who, some(n, "9999-12-31T00:00:00", when), what],
                          "ordered_at_out_of_range"),
    "dates of the year 1": (lambda n, who, when, what: [who, some(n, "0001-01-01", when), what],
                            "ordered_at_out_of_range"),
    "no customer ids": (lambda n, who, when, what: [some(n, "", who), when, what], "customer_id_missing"),
    "blank customer ids": (lambda n, who, when, what: [some(n, "  ", who), when, what], "customer_id_missing"),
    "infinite amounts": (lambda n, who, when, what: [who, when, some(n, "inf", what)], "amount_not_finite"),
    "amounts that are NaN": (lambda n, who, when, what: [who, when, some(n, "nan", what)], "amount_not_finite"),
}  # fmt: skip


@pytest.mark.parametrize(("change", "reason"), COUNTED.values(), ids=COUNTED)
def test_rows_that_cannot_be_used_are_counted_to_the_end(shop, change, reason):
    shop.rows(change)
    total = len(shop.orders.read_text(encoding="utf-8").splitlines()) - 1
    spoilt = -(-total // 100)
    code, out, _ = shop.call("check", "--as-of", AS_OF, "--json")
    rows = json.loads(out)["rows"]
    assert (code, rows["in"], rows["quarantined"][reason]) == (0, total, spoilt)
    code, out, _ = shop.call("score", "--as-of", AS_OF)
    assert code == 0
    assert f"  quarantined: {reason} {spoilt}" in out
    folder = shop.folder / "data/exports" / AS_OF
    counts = json.loads((folder / "run.json").read_bytes())["counts"]
    assert counts["rows_in"] == total == counts["used"] + counts["at_or_after_as_of"] + counts["quarantined"]
    left_out = pl.read_csv(folder / "quarantine.csv").filter(pl.col("reason") == reason)["row_number"]
    assert left_out.to_list() == list(range(1, total + 1, 100))


def test_orders_after_an_explicit_end_are_quarantined_not_scored(shop):
    shop.config("# observed_until = 2026-11-01", f"observed_until = {AS_OF}")
    code, out, _ = shop.call("score", "--json")
    assert (code, json.loads(out)["as_of"]) == (0, f"{AS_OF}T00:00:00")
    late = pl.read_csv(shop.orders)["ordered_at"].str.head(10).ge(AS_OF).sum()
    assert f"{late:,} rows lie at or after observed_until" in json.loads(out)["notes"][0]["text"]
    folder = shop.folder / "data/exports" / AS_OF
    assert pl.read_csv(folder / "quarantine.csv")["reason"].eq("after_observed_until").sum() == late


def shared_order_ids(shop):
    header, *rows = csv.reader(io.StringIO(shop.orders.read_text(encoding="utf-8")))
    shop.write([[*header, "order_id"], *([*row, f"o{number // 2}"] for number, row in enumerate(rows))])


def one_large_account(shop):
    shop.rows(lambda number, who, *cells: [f"guest{DOMAIN}" if number % 20 == 0 else who, *cells])


@pytest.mark.parametrize(
    ("spoil", "as_of", "note", "words"),
    [
        (shared_order_ids, AS_OF, "order_id_shared", "order ids belong to several customers"),
        (one_large_account, AS_OF, "giant_account", "more than a hundredth of all orders each"),
        (lambda _: None, "2026-03-02", "stale", "The orders end 60 days before as_of 2026-03-02"),
    ],
    ids=["same order id for two customers", "one id with more than 1 % of all orders", "no newer orders"],
)
def test_what_a_person_should_look_at_is_said_by_check_score_and_report(shop, spoil, as_of, note, words):
    spoil(shop)
    code, out, _ = shop.call("check", "--as-of", as_of, "--json")
    assert (code, note in {found["code"] for found in json.loads(out)["notes"]}) == (0, True)
    if note == "stale":
        before = shop.content()
        code, out, err = shop.call("score", "--as-of", as_of)
        assert (code, out, shop.content()) == (4, "", before)
        assert "level: " in err
    code, out, _ = shop.call("score", "--as-of", as_of, *(["--force"] if note == "stale" else []))
    assert code == 0
    assert words in out
    folder = shop.folder / "data/exports" / as_of
    for name in ("run.json", "report.html", "README.txt"):
        assert words in " ".join((folder / name).read_text(encoding="utf-8").split()), name


def test_numeric_ids_keep_their_zeros_up_to_the_files(shop):
    shop.rows(lambda _, who, *cells: [who.removesuffix(DOMAIN).replace("c000", "0"), *cells])
    ids = {row.split(",")[0] for row in shop.orders.read_text(encoding="utf-8").splitlines()[1:]}
    assert all(name.startswith("0") and name.isdigit() for name in ids)
    assert shop.call("score", "--as-of", AS_OF)[0] == 0
    folder = shop.folder / "data/exports" / AS_OF
    written = pl.read_csv(folder / "scores.csv", infer_schema=False)["customer_id"]
    assert set(written) <= ids
    assert written.to_list() == pl.read_parquet(folder / "scores.parquet")["customer_id"].to_list()
    for path in (folder / "segments").glob("*.csv"):
        assert set(pl.read_csv(path, infer_schema=False)["customer_id"]) <= ids


# --- too little to learn from -----------------------------------------------------------------------------------------


def first_days(shop):
    lines = shop.orders.read_text(encoding="utf-8").splitlines()
    shop.orders.write_text("\n".join(line for line in lines if line.split(",")[1] < "2024-01-1" or line == lines[0]))


def one_customer(shop):
    shop.rows(lambda _, _who, *cells: [f"one{DOMAIN}", *cells])


def no_repeat_buyers(shop):
    header, *rows = csv.reader(io.StringIO(shop.orders.read_text(encoding="utf-8")))
    first = {row[0]: row for row in reversed(rows) if float(row[2]) > 0}
    shop.write([header, *first.values()])


def one_day(shop):
    shop.rows(lambda _, who, _when, amount: [who, "2025-07-31T10:00:00", amount])


THIN = {
    "history too short": (first_days, ["days of history"], False),
    "one customer": (one_customer, ["customers 1, needed 10"], True),
    "no repeat buyers": (no_repeat_buyers, ["customers with a second order 0, needed 1"], True),
    "all orders on one day": (one_day, ["days of history 0, needed 14", "customers with a second order 0"], True),
}


@pytest.mark.parametrize(("spoil", "words", "can_be_scored"), THIN.values(), ids=THIN)
def test_too_little_to_learn_from(shop, spoil, words, can_be_scored):
    spoil(shop)
    before = shop.content()
    code, out, _ = shop.call("check")
    assert code == 0
    assert "NO" in out
    code, out, err = shop.call("train")
    assert (code, out) == (3, "")
    assert [word for word in words if word not in err] == []
    assert "Remedy: " in err
    assert shop.content() == before
    # a model that was learnt before does not know this shop; forced, it answers, unless it would have to look back
    code, _, err = shop.call("score")
    assert code == (4 if can_be_scored else 3)
    assert shop.content() == before
    assert can_be_scored or "seen the future" in err
    assert not can_be_scored or "Nothing was published: " in err
    assert shop.call("score", "--force")[0] == (0 if can_be_scored else 3)


# --- settings ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (option("clv_days = 180", "clv_day = 180\nchurn_dys = 9"),
         ["horizons.clv_day", "Did you mean 'horizons.clv_days'?", "Did you mean 'horizons.churn_days'?"]),
        (option('name = "My shop"', f"name = anna{DOMAIN}"), ["is not TOML (at line"]),
        (option('name = "My shop"', f'name = 7\ncurrency = ["anna{DOMAIN}"]'), ["shop.name", "shop.currency"]),
        (lambda shop: (shop.folder / "foretell.toml").write_bytes(b"\xff\xfe\x00"), ["is not UTF-8 text"]),
        (lambda shop: (shop.folder / "foretell.toml").unlink(), ["There is no config file", "foretell init"]),
    ],
    ids=["unknown keys", "not TOML", "two wrong values", "not text", "no file"],
)  # fmt: skip
def test_settings_that_are_wrong(shop, spoil, words):
    spoil(shop)
    before = shop.content()
    for command in ("check", "train", "score"):
        code, out, err = shop.call(command)
        assert (command, code, out) == (command, 2, "")
        assert [word for word in words if word not in err] == []
    assert shop.content() == before


def test_amounts_can_be_left_out_as_the_remedy_says(shop):
    shop.rows(lambda _, who, when, _amount: [who, when, "paid"])
    assert '"" in a config file' in shop.call("check")[2]
    shop.config('amount = "amount"', 'amount = ""')
    assert shop.call("check")[0] == 0


# --- Python -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("as_of", "words"),
    [("2020-01-01", "lies before"), ("9999-12-31", "between the years"), ("soon", "is not a date")],
)
def test_a_model_refuses_a_cutoff_that_it_cannot_answer(shop, bundle, as_of, words):
    data = ft.read_orders(shop.orders)
    with pytest.raises(ft.WindowError, match=words):
        TrainedModel(bundle).score(data, as_of=as_of)


def test_a_model_refuses_a_cutoff_after_an_explicit_end(shop, bundle):
    data = ft.read_orders(shop.orders, observed_until="2025-09-01")
    with pytest.raises(ft.WindowError, match="lies after observed_until"):
        TrainedModel(bundle).score(data, as_of="2025-10-01")
    assert TrainedModel(bundle).score(data)["as_of"].unique().to_list()[0].isoformat() == "2025-09-01T00:00:00"


@pytest.mark.parametrize(("spoil", "words", "_can"), THIN.values(), ids=THIN)
def test_training_in_python_refuses_the_same_histories(shop, spoil, words, _can):
    spoil(shop)
    with pytest.raises(ft.FitError) as caught:
        ft.train(ft.read_orders(shop.orders))
    assert [word for word in words if word not in str(caught.value)] == []
    assert caught.value.exit_code == 3


def test_training_in_python_refuses_a_cutoff_before_the_first_order(shop):
    with pytest.raises(ft.WindowError, match="Nobody bought before"):
        ft.train(ft.read_orders(shop.orders), as_of="2020-01-01")
