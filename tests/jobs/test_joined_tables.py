"""A shop with every table: ready segments by plain Python, upload files beside the run, and who is to be forgotten."""

import hashlib
import json
import math
import shutil
import stat
from datetime import date, datetime

import polars as pl
import pytest

from foretell.config.settings import Settings
from foretell.delivery.manifest import is_whole
from foretell.errors import ConfigError, DataError
from foretell.jobs.backtest import backtest
from foretell.jobs.export import export
from foretell.jobs.lookalike import lookalike
from foretell.jobs.review import review
from foretell.jobs.score import score
from foretell.jobs.segments import list_segments
from foretell.jobs.train import train
from foretell.tables.dataset import MINOR_PER_UNIT
from foretell.tables.simulate import simulate

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::foretell.errors.ForetellWarning")]
FIRST, SECOND = date(2025, 9, 1), date(2025, 10, 1)
OWN = """
[[segments]]
name = "everybody"
where = "orders >= 1"
action = "Write."
owner = "Anna"
holdout = 0.1
channels = ["meta", "klaviyo", "phone"]
[[segments]]
name = "buyers_of_one"
like = "item_buyers"
parameters = {category = "stationery"}
[[segments]]
name = "wants_some"
like = "in_market_category"
parameters = {category = "stationery"}
"""


@pytest.fixture(scope="module")
def tables():
    """The tables of a simulated shop as files would hold them."""
    data, _ = simulate(customers=300, seed=4, start="2024-06-01", end="2025-12-01", tables="all")
    found = {"orders": data.orders.collect()} | {
        name: getattr(data.optional, name).lazy().collect() for name in data.optional.names
    }
    for name, frame in found.items():
        minor = [column for column in frame.columns if column.endswith("_minor")]
        found[name] = frame.drop("row_number", strict=False).with_columns(
            (pl.col(column) / MINOR_PER_UNIT).alias(column.removesuffix("_minor")) for column in minor
        ).drop(minor)  # fmt: skip
    return found


def settings_of(folder, tables, **more):
    """Settings of a shop in a folder; the files are written there."""
    folder.mkdir(exist_ok=True)
    data = {}
    for name, frame in tables.items():
        frame.write_csv(folder / f"{name}.csv")
        same = {c: c for c in frame.columns if name != "orders"} | {"path": str(folder / f"{name}.csv")}
        known = {"lat", "lon"} if name == "places" else set()
        data[name] = {key: value for key, value in same.items() if key in _KEYS[name] | known | {"path"}}
    data["orders"]["order_id"] = "order_id"
    (folder / "segments").mkdir(exist_ok=True)
    (folder / "segments/own.toml").write_text(OWN, encoding="utf-8")
    return Settings.model_validate(
        {
            "shop": {"name": "A shop", "currency": "EUR"},
            "data": data,
            "horizons": {"clv_days": 90, "churn_days": 60},
            "training": {"rungs": ("purchase",)},
            "segments": {"folder": folder / "segments"},
            "folders": {"models": folder / "models", "output": folder / "out"},
            "tracking": {"enabled": False},
            **more,
        }
    )


_KEYS = {
    "orders": set(),
    "order_lines": {"customer_id", "ordered_at", "order_id", "category", "brand", "quantity", "amount"},
    "events": {"category", "brand", "price", "device", "channel", "machine_generated"},
    "customers": {"signed_up_at", "country", "region", "city", "lat", "lon", "email", "consent_email", "consent_ads"},
    "calendar": {"ends_on"},
    "places": {"radius_km"},
}


@pytest.fixture(scope="module")
def shop(tables, tmp_path_factory):
    settings = settings_of(tmp_path_factory.mktemp("shop") / "shop", tables)
    train(settings, as_of="2025-07-01")
    score(settings, as_of=FIRST)
    score(settings, as_of=SECOND)
    return settings


def members(settings, name, day=SECOND):
    run = settings.folders.output / day.isoformat()
    files = [run / f"segments/{name}.csv", run / f"segments/{name}_holdout.csv"]
    return set(pl.concat([pl.read_csv(f).select("customer_id") for f in files if f.is_file()])["customer_id"].to_list())


def distance_km(a, b):
    """Great-circle distance by the haversine formula."""
    (lat, lon), (lat_2, lon_2) = (tuple(map(math.radians, point)) for point in (a, b))
    half = math.sin((lat_2 - lat) / 2) ** 2 + math.cos(lat) * math.cos(lat_2) * math.sin((lon_2 - lon) / 2) ** 2
    return 2 * 6371.0088 * math.asin(math.sqrt(half))


def of_models(settings, shop, output):
    """The same settings with the models of the shop and an output of their own."""
    folders = shop.folders.model_copy(update={"output": output})
    return settings.model_copy(update={"folders": folders})


def age(event):
    return (SECOND - event["occurred_at"].date()).days


def segments_by_events(events, newest_order):
    """Names of the segments that the events before SECOND of one customer lead to."""

    def own(*kinds):
        return [e for e in events if e["event"] in kinds and not e["machine_generated"]]

    carts = [age(e) for e in own("cart") if e["occurred_at"].date() > newest_order and age(e) <= 30]
    seen = min(map(age, own("view", "cart", "checkout", "search")), default=0)
    answers = own("email_open", "email_click", "sms_open", "sms_click")
    recent = {e["event"].split("_")[1] for e in answers if age(e) <= 90}
    sent = [e for e in events if e["event"] in ("email_sent", "sms_sent") and age(e) <= 90]
    since = max((e["occurred_at"] for e in answers), default=datetime.min)
    bounces = [e for e in events if e["event"].endswith("_soft_bounce") and e["occurred_at"] > since]
    told = {
        "cart_abandoners": 1 <= min(carts, default=0) <= 14,
        "visitors": 1 <= seen <= 30 and seen < (SECOND - newest_order).days,
        "email_engaged": "click" in recent,
        "email_unengaged": len(sent) >= 3 and not recent,
        "chronic_soft_bounce": len(bounces) > 7,
    }
    return {name for name, holds in told.items() if holds}


def most_frequent(names):
    return min(set(names), key=lambda name: (-names.count(name), name), default=None)


def buys(lines, category):
    """Whether one customer bought a category more than any other, so far or on the last day."""
    newest = max((r["ordered_at"].date() for r in lines), default=None)
    last = [r["category"] for r in lines if r["ordered_at"].date() == newest]
    return category in (most_frequent([r["category"] for r in lines]), most_frequent(last))


def rows_of(table, who, before=datetime(2025, 10, 1)):
    at = "occurred_at" if "occurred_at" in table.columns else "ordered_at"
    return table.filter((pl.col("customer_id") == who) & (pl.col(at) < before)).to_dicts()


def test_segments_of_events_and_places_hold_whom_plain_python_says(shop, tables):
    scores = pl.read_parquet(shop.folders.output / "2025-10-01/scores.parquet")
    last = dict(scores.select("customer_id", "last_order_date").rows())
    told = {who: segments_by_events(rows_of(tables["events"], who), newest) for who, newest in last.items()}
    prospects = pl.read_parquet(shop.folders.output / "2025-10-01/prospects.parquet")["customer_id"]
    for who in prospects:
        told[who] = segments_by_events(rows_of(tables["events"], who), date.min)
    assert any(told[who] for who in prospects)
    for name in ("cart_abandoners", "visitors", "email_engaged", "email_unengaged", "chronic_soft_bounce"):
        wanted = {who for who, names in told.items() if name in names}
        assert members(shop, name) == wanted != set(), name
    places = [(place["lat"], place["lon"]) for place in tables["places"].to_dicts()]
    known = {c["customer_id"]: (c["lat"], c["lon"]) for c in tables["customers"].to_dicts() if c["lat"] is not None}
    near = {who for who in told.keys() & known if min(distance_km(known[who], place) for place in places) <= 80}
    assert members(shop, "near_place") == near != set()


def test_segments_of_lines_and_calendar_hold_whom_plain_python_says(shop, tables):
    orders = tables["orders"].filter(pl.col("ordered_at") < SECOND)
    # Who gave anything back is told apart by the netting of refunds, which has oracles of its own.
    refunded = set(orders.filter(pl.col("amount") < 0)["customer_id"])
    people = set(orders["customer_id"]) - refunded
    lines = tables["order_lines"]
    buyers = {who for who in people if buys(rows_of(lines, who), "stationery")}
    assert members(shop, "buyers_of_one") - refunded == buyers != set()
    sales = tables["calendar"].filter(event="black_friday").select("starts_on", "ends_on").rows()
    days = orders.select("customer_id", pl.col("ordered_at").dt.date()).rows()
    holiday = {who for who, day in days if any(start <= day <= end for start, end in sales)} - refunded
    assert members(shop, "holiday_shoppers") - refunded == holiday != set()


def test_tables_switch_their_segments_on_and_what_lacks_says_so(shop):
    rows = {row["name"]: row["off"] for row in list_segments(shop).rows}
    on = "cross_sell price_band_high in_market_price_high wants_some high_value_visitors seen_ads holiday_only"
    assert not any(rows[name] for name in on.split())
    assert rows["discount_buyers"] == "Needs order_lines with discount: the data have no discounted_lines_share."


def test_channels_become_files_of_those_who_agreed_and_of_nobody_else(shop, tables):
    run = shop.folders.output / "2025-10-01"
    assert is_whole(run)
    hashed = {
        hashlib.sha256(c["email"].strip().lower().encode()).hexdigest(): c for c in tables["customers"].to_dicts()
    }
    contacted = set(pl.read_csv(run / "segments/everybody.csv")["customer_id"].to_list())
    agreed = {c["customer_id"] for c in hashed.values() if c["consent_ads"]}
    listed = [hashed[digest]["customer_id"] for digest in pl.read_csv(run / "upload/meta/everybody.csv")["email"]]
    assert len(listed) == len(set(listed))
    # Addresses of two people in one household are one row; every row is of somebody who agreed and is not held out.
    assert set(listed) == contacted & agreed
    ids = set(pl.read_csv(run / "upload/klaviyo/everybody.csv")["Email"].drop_nulls().to_list())
    wanted = {c["email"] for c in hashed.values() if c["consent_email"] and c["customer_id"] in contacted}
    assert ids == wanted
    manifest = json.loads((run / "manifest.json").read_bytes())
    rows = {file["name"]: file["rows"] for file in manifest["files"]}
    assert rows["upload/meta/everybody.csv"] == len(listed)
    assert "upload/meta/README.txt" in rows
    assert "upload/criteo/visitors.csv" in rows, "ready segments have channels too"
    count = next(c for c in manifest["uploads"] if (c["platform"], c["audience"]) == ("meta", "everybody"))
    assert (count["members"], count["written"]) == (len(contacted), len(listed))
    assert "upload/meta/: " in " ".join((run / "README.txt").read_text(encoding="utf-8").split())


def test_personal_data_stand_in_upload_files_only_and_are_their_owners(shop, tables):
    run = shop.folders.output / "2025-10-01"
    addresses = tables["customers"]["email"].to_list()
    for path in run.rglob("*"):
        if "upload" in path.relative_to(run).parts and path.suffix in (".csv", ".parquet"):
            assert stat.S_IMODE(path.stat().st_mode) == 0o600, path.name
        elif path.is_file():
            text = path.read_bytes()
            assert b"@example.com" not in text, path.name
            assert not any(hashlib.sha256(a.encode()).hexdigest().encode() in text for a in addresses[:50]), path.name
    assert stat.S_IMODE((run / "upload").stat().st_mode) == 0o700


def test_who_left_or_withdrew_is_taken_off_and_the_same_run_changes_nothing(shop, tables, tmp_path):
    assert not score(shop, as_of=SECOND).changed
    ledger = {
        day: pl.read_parquet(shop.folders.output / f"{day}/upload/meta/uploaded.parquet") for day in (FIRST, SECOND)
    }
    now, before = (
        set(ledger[day].filter(audience="visitors", state="added")["customer_id"]) for day in (SECOND, FIRST)
    )
    removed = set(ledger[SECOND].filter(audience="visitors", state="removed")["customer_id"])
    assert removed == before - now != set()
    off = [*sorted(now)[:1], *sorted(members(shop, "everybody"))[:5]]
    pl.DataFrame({"customer_id": off}).write_csv(tmp_path / "off.csv")
    uploads = {"suppression": tmp_path / "off.csv", "platforms": ("meta",)}
    score(of_models(settings_of(tmp_path / "shop", tables, uploads=uploads), shop, tmp_path / "out"), as_of=SECOND)
    listed = pl.read_parquet(tmp_path / "out/2025-10-01/upload/meta/uploaded.parquet")
    assert not set(off) & set(listed["customer_id"])
    assert sorted(path.name for path in (tmp_path / "out/2025-10-01/upload").iterdir()) == ["meta"]


def test_a_changed_consent_is_another_publication_even_of_somebody_on_no_list(shop, tables, tmp_path):
    output, run = tmp_path / "out", tmp_path / "out/2025-10-01"
    known = of_models(settings_of(tmp_path / "shop", tables), shop, output)
    assert score(known, as_of=SECOND).changed
    assert not score(known, as_of=SECOND).changed
    before = json.loads((run / "run.json").read_bytes())
    listed = set(pl.read_parquet(run / "upload/meta/uploaded.parquet").filter(state="added")["customer_id"])
    people = tables["customers"]
    agreed = set(people.filter(pl.col("consent_ads").cast(pl.String) == "true")["customer_id"])
    unlisted = min(set(people["customer_id"]) - listed)
    for number, who in enumerate((unlisted, min(listed & agreed))):
        said = (
            pl.when(pl.col("customer_id") == who)
            .then(pl.lit("asked on 1 May"))
            .otherwise("consent_ads")
            .alias("consent_ads")
        )
        changed = {**tables, "customers": people.with_columns(pl.col("consent_ads").cast(pl.String)).with_columns(said)}
        settings = of_models(settings_of(tmp_path / f"shop{number}", changed), shop, output)
        assert score(settings, as_of=SECOND).changed
        assert not score(settings, as_of=SECOND).changed
        after = json.loads((run / "run.json").read_bytes())
        assert after["inputs"]["uploads"] != before["inputs"]["uploads"]
        assert after["inputs"]["orders"] == before["inputs"]["orders"]
        before = after
    now = pl.read_parquet(run / "upload/meta/uploaded.parquet")
    assert who not in set(now.filter(state="added")["customer_id"])
    assert "asked" not in everything(run)


def test_export_takes_contacts_from_the_customers_table(shop):
    result = export(shop, platforms=["meta"], segments=["everybody"], dry_run=True)
    manifest = json.loads((shop.folders.output / "2025-10-01/manifest.json").read_bytes())
    published = next(c for c in manifest["uploads"] if (c["platform"], c["audience"]) == ("meta", "everybody"))
    assert result.counts[0]["written"] == published["written"]


def test_without_contacts_a_run_says_so_and_a_wrong_choice_stops_it_early(shop, tables, tmp_path):
    bare = {**tables, "customers": tables["customers"].select("customer_id", "consent_ads")}
    settings = of_models(settings_of(tmp_path / "shop", bare), shop, tmp_path / "out")
    result = score(settings, as_of=SECOND)
    assert [note.code for note in result.notes if "upload" in note.code] == ["no_upload_files"]
    assert not (tmp_path / "out/2025-10-01/upload").exists()
    with pytest.raises(ConfigError, match="default_country must be 2 upper-case"):
        score(settings_of(tmp_path / "shop", tables, uploads={"options": {"default_country": "nl"}}), as_of=SECOND)


def everything(folder):
    """All text in a folder, that of Parquet files too."""
    found = []
    for path in folder.rglob("*"):
        if path.suffix == ".parquet":
            found.append(str(pl.read_parquet(path).to_dicts()))
        elif path.is_file():
            found.append(path.read_bytes().decode("utf-8", "replace"))
    return "\n".join(found)


def test_who_is_forgotten_is_in_nothing_that_any_command_writes(shop, tables, tmp_path):
    run = shop.folders.output / "2025-09-01"
    ledger = pl.read_parquet(run / "upload/meta/uploaded.parquet").filter(state="added")
    known = set(pl.read_parquet(run / "scores.parquet")["customer_id"])
    strangers = set(tables["events"]["customer_id"]) - set(tables["orders"]["customer_id"])
    gone = [*sorted(set(ledger["customer_id"]) & known)[:2], min(strangers)]
    (tmp_path / "forget.csv").write_text("customer_id\n" + "\n".join(f"{who} " for who in gone) + "\n", "utf-8")
    seeds = [*gone[:2], *sorted(known - set(gone))[:30]]
    pl.DataFrame({"customer_id": seeds}).write_csv(tmp_path / "seeds.csv")
    settings = settings_of(
        tmp_path / "shop",
        tables,
        privacy={"forget": tmp_path / "forget.csv"},
        lookalike={"seeds": tmp_path / "seeds.csv"},
    )
    trained = train(settings, as_of="2025-07-01")
    assert trained.model.bundle.card["training"]["people_on_the_erasure_list"] == 3
    # The run before was published when they were still known.
    settings.folders.output.mkdir()
    shutil.copytree(run, settings.folders.output / run.name)
    result = score(settings, as_of=SECOND)
    assert [note.count for note in result.notes if note.code == "forgotten"] == [3]
    counts = result.as_dict()["rows"]
    assert counts["rows_in"] == counts["used"] + counts["at_or_after_as_of"] + counts["quarantined"]
    lookalike(settings, as_of=SECOND)
    export(settings, platforms=["meta", "klaviyo"])
    backtest(settings, as_of=SECOND)
    review(settings)
    addresses = tables["customers"].filter(pl.col("customer_id").is_in(gone))["email"].to_list()
    said = "\n".join(result.lines()) + json.dumps(result.as_dict(), default=str)
    for folder in [settings.folders.models, *settings.folders.output.iterdir()]:
        if folder.is_dir() and folder.name != run.name:
            said += everything(folder)
    for who in [*gone, *addresses, *(hashlib.sha256(a.encode()).hexdigest() for a in addresses)]:
        assert who not in said
    assert min(known - set(gone)) in said, "the others are there"


def test_another_list_is_another_training_and_one_that_cannot_be_read_stops_everything(shop, tables, tmp_path):
    early = tables["orders"].filter(pl.col("ordered_at") < date(2025, 7, 1))["customer_id"].min()
    (tmp_path / "forget.csv").write_text(f"customer_id\n{early}\n", "utf-8")
    settings = settings_of(tmp_path / "shop", tables, privacy={"forget": tmp_path / "forget.csv"})
    card = train(settings, as_of="2025-07-01", dry_run=True).model.bundle.card["training"]
    whole = train(shop, as_of="2025-07-01", dry_run=True).model.bundle.card["training"]
    assert card["fingerprint"] != whole["fingerprint"]
    assert "people_on_the_erasure_list" not in whole
    (tmp_path / "forget.csv").write_text("customer\nc00000001\n", "utf-8")
    settings = of_models(settings, shop, tmp_path / "out")
    for command in (lambda: train(settings), lambda: backtest(settings), lambda: score(settings)):
        with pytest.raises(DataError, match="nobody could be forgotten"):
            command()
