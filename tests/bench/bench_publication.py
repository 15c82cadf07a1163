"""Time one publication of a large shop from its scores on: segments, comparison, files for people and for platforms.

One process does what ``foretell score`` does once scores stand: 30 ready segments with a holdout of a tenth, each
named for every platform; who entered and left since the run a month before, and why; scores, dictionary, segments and
power as files for people; 300 upload files, removals against the uploads of that run, README, report, hashes, manifest.
The run of the month before is published by another process, since its memory is no part of the question. In that
month one customer in 15 ordered, and the others waited 31 days more. Contacts are those of ``bench_uploads.py``:
invented addresses, phone numbers of seven countries, consent in two of three. Reasons are left out. Target: 1,000,000
customers in 2 minutes and 3 GB on 2 cores.

Run: ``python tests/bench/bench_publication.py [customers]``; prints Markdown.
"""

import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import polars as pl
from bench_segments import SEGMENTS, drawn_run
from bench_uploads import contacts, cpu_seconds
from measure import machine, peak_gigabytes

from foretell.delivery.previous import find_previous
from foretell.delivery.publish import Published, publish
from foretell.delivery.ready_segments import ready_segments
from foretell.delivery.run import Run
from foretell.delivery.segment_uploads import UploadPlan
from foretell.delivery.segments import Segment
from foretell.delivery.uploads.ledger import previous_uploads
from foretell.delivery.uploads.platforms import PLATFORMS
from foretell.delivery.uploads.template import UploadOptions

BEFORE, AS_OF = datetime(2026, 10, 1), datetime(2026, 11, 1)


def segments() -> list[Segment]:
    """Return ready segments that read scores only, each for every platform."""
    on_scores = [one for one in ready_segments() if not one.needs and not one.off]
    return [replace(one, holdout=one.holdout or 0.1, channels=tuple(PLATFORMS)) for one in on_scores][:SEGMENTS]


def without_reasons(run: Run) -> Run:
    """Return a run whose customers carry no reasons."""
    nothing = [pl.lit(None, dtype=pl.String).alias(f"reason_{i}") for i in (1, 2, 3)]
    return replace(run, scores=run.scores.with_columns(nothing))


def published(customers: int, as_of: datetime, output: Path) -> tuple[Published, float, float]:
    """Publish a day; return what became of it, seconds on the wall, and seconds of processor time."""
    run = without_reasons(drawn_run(customers, as_of, seed=0, days_later=(as_of - BEFORE).days))
    plan = UploadPlan(
        contacts=contacts(customers),
        previous=previous_uploads(output, as_of, sorted(PLATFORMS)),
        options=UploadOptions(currency="EUR", time_zone="Europe/Amsterdam"),
    )
    wall, processor = time.perf_counter(), cpu_seconds()
    found = publish(run, output, segments=segments(), previous=find_previous(output, as_of), uploads=plan)
    return found, time.perf_counter() - wall, cpu_seconds() - processor


def main(customers: int) -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as folder:
        # Apart, so that the most memory is that of one publication.
        subprocess.run([sys.executable, __file__, str(customers), folder], check=True)
        found, wall, processor = published(customers, AS_OF, Path(folder))
        peak = peak_gigabytes()
        uploads = [file for file in found.facts if file.name.startswith("upload/")]
        lists = [file for file in uploads if file.rows is not None and "/remove/" not in file.name]
        removals = [file for file in uploads if "/remove/" in file.name]
        moved = next(file.rows for file in found.facts if file.name == "segments_diff.csv")
    members = sum(one.size for one in found.selections)
    size = sum(file.bytes for file in found.facts) / 1e9
    print(
        f"{customers:,} customers, {len(found.selections)} segments with {members:,} members, {moved:,} entered or "
        f"left; {len(lists)} lists in {len(PLATFORMS)} formats with {sum(file.rows or 0 for file in lists):,} rows, "
        f"{len(removals)} lists of removals with {sum(file.rows or 0 for file in removals):,}; {len(found.facts)} "
        f"files, {size:.2f} GB.\n\n{wall:.0f} s on the wall, {processor:.0f} s of processor time; most memory "
        f"{peak:.2f} GB, scores and contacts among it. {machine('polars', 'phonenumbers')}; {pl.thread_pool_size()} "
        "polars threads. Target: under 120 s, under 3 GB."
    )


if __name__ == "__main__":
    if len(sys.argv) > 2:
        published(int(sys.argv[1]), BEFORE, Path(sys.argv[2]))
    else:
        main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)
