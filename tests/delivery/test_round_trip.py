"""Every file with rows that a run writes, read back by another reader, holds what its frame held."""

import csv
from dataclasses import replace
from datetime import datetime

import polars as pl
from polars.testing import assert_frame_equal

from foretell.delivery import publish as publishing
from foretell.delivery.previous import find_previous
from foretell.delivery.publish import publish
from foretell.delivery.ready_segments import ready_segments
from foretell.delivery.segment_uploads import UploadPlan
from foretell.delivery.uploads import write as uploading
from foretell.delivery.uploads.ledger import previous_uploads
from foretell.delivery.uploads.platforms import PLATFORMS
from foretell.delivery.uploads.template import UploadOptions

BEFORE, AS_OF = datetime(2026, 10, 1), datetime(2026, 11, 1)


def contacts_of(run):
    """Contacts with quotes, separators and accents in what is written in plain text."""
    number = pl.int_range(pl.len())
    return run.scores.select("customer_id").with_columns(
        email="Person." + number.cast(pl.String) + "@mail.test",
        phone=pl.format("+3161234{}", number.cast(pl.String).str.pad_start(4, "0")),
        first_name=pl.lit('Zoë "Zo", Anne'),
        last_name=pl.lit("O'Neil; van der B."),
        country=pl.lit("NL"),
        postcode=pl.lit("2611 AA"),
        company=pl.format('Smith, "Sons" & Co {}', number),
        domain=pl.format("company{}.test", number),
        job_title=pl.lit("Buyer, chief"),
        gclid=pl.format("Cj0{}", number),
        order_id=pl.format("A,{}", number),
        converted_at=pl.lit("2026-09-30 10:00:00"),
        **dict.fromkeys(("consent_ads", "consent_email", "consent_sms"), number % 3 > 0),
    )


def test_every_file_of_a_run_reads_back_as_its_frame(make_run, tmp_path, monkeypatch):
    tables, lists = {}, {}
    write_csv, write_file = publishing.write_csv, uploading._write_file
    monkeypatch.setattr(publishing, "render_page", lambda *_: "")

    def keep_table(frame, path, decimals):
        tables[path.name] = frame
        return write_csv(frame, path, decimals)

    def keep_list(frame, platform, path, time_zone):
        lists["/".join(path.parts[path.parts.index("upload") + 1 :])] = frame
        return write_file(frame, platform, path, time_zone)

    monkeypatch.setattr(publishing, "write_csv", keep_table)
    monkeypatch.setattr(uploading, "_write_file", keep_list)
    on_scores = [one for one in ready_segments() if not one.needs and not one.off]
    segments = [replace(one, holdout=one.holdout or 0.2, channels=tuple(PLATFORMS)) for one in on_scores]
    options = UploadOptions(currency="EUR", time_zone="Europe/Amsterdam")
    for day in (BEFORE, AS_OF):
        tables.clear()
        lists.clear()
        run = make_run(customers=400, as_of=day)
        who = contacts_of(run)
        if day == AS_OF:
            run = replace(run, scores=run.scores.with_columns(pl.col("churn_risk_90d").reverse()))
            who = who.with_columns(consent_ads=~pl.col("consent_ads"))
        plan = UploadPlan(who, options=options, previous=previous_uploads(tmp_path, day, list(PLATFORMS)))
        found = publish(run, tmp_path, segments=segments, previous=find_previous(tmp_path, day), uploads=plan)
    assert tables["segments_diff.csv"].height > 40
    assert len(tables) == 6 + 2 * len(segments)
    for path in found.path.rglob("*.csv"):
        name = path.relative_to(found.path)
        if name.parts[0] != "upload":
            frame = tables.pop(path.name).lazy().collect()
            back = pl.read_csv(path, schema=frame.schema)
            assert_frame_equal(back, frame, check_exact=False, rel_tol=0, abs_tol=0.0501)
            exact = pl.selectors.exclude(pl.selectors.float())
            assert_frame_equal(back.select(exact), frame.select(exact))
            continue
        frame = lists.pop("/".join(name.parts[1:]))
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.reader(file))
        platform = PLATFORMS[name.parts[1]]
        rows = rows[platform.time_zone_line :]
        if platform.header:
            assert rows.pop(0) == frame.columns
        assert rows == [["" if cell is None else cell for cell in row] for row in frame.rows()], name
        assert "remove" in name.parts or len(rows) == frame.height > 0
    assert tables == lists == {}
