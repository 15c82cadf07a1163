"""Time the upload files of a large shop: every person of 30 audiences, on every platform.

One million customers with invented addresses, phone numbers of seven countries and consent in two of three; 30
audiences of .5 to 20 % of them. Target: under 2 minutes and 3 GB on 2 cores, with every person hashed once for each
form, not once for each audience.

Run: ``python tests/bench/bench_uploads.py [customers] [audiences]``; prints Markdown.
"""

import resource
import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path

import numpy as np
import polars as pl
from measure import machine, peak_gigabytes

from foretell.delivery.uploads.platforms import PLATFORMS
from foretell.delivery.uploads.template import UploadOptions
from foretell.delivery.uploads.verify import verify
from foretell.delivery.uploads.write import write_uploads

AS_OF = datetime(2026, 11, 1)
COUNTRIES = ("US", "GB", "NL", "DE", "FR", "KR", "BR", "AU", "SE", "ES")


def contacts(customers: int, *, seed: int = 0) -> pl.DataFrame:
    """Invent a table of customers."""
    rng = np.random.default_rng(seed)
    number = pl.int_range(customers, eager=True)
    text = number.cast(pl.String)
    country = pl.Series(rng.choice(COUNTRIES, customers))
    # As many different numbers as there are customers: seven digits of their own.
    digits = text.str.pad_start(7, "0")
    national = pl.DataFrame({"country": country, "digits": digits}).select(
        pl.when(pl.col("country") == "US").then(pl.format("(650) {}", "digits"))
        .when(pl.col("country") == "NL").then(pl.format("06 1{}", "digits"))
        .when(pl.col("country") == "GB").then(pl.format("020 {}0", "digits"))
        .when(pl.col("country") == "DE").then(pl.format("0151 {}", "digits"))
        .when(pl.col("country") == "ES").then(pl.format("+34 61{}", "digits"))
        .when(pl.col("country") == "KR").then(pl.format("010-2{}", "digits"))
        .otherwise(pl.format("+4673{}", "digits"))
    ).to_series()  # fmt: skip
    return pl.DataFrame(
        {
            "customer_id": text.str.pad_start(9, "0"),
            "email": "Customer." + text + "@" + pl.Series(rng.choice(["gmail.com", "Mail.test"], customers)),
            "phone": national,
            "first_name": pl.Series(rng.choice(["Anne-Marie", "Zoë", "José", "Mary", "정"], customers)),
            "last_name": pl.Series(rng.choice(["O'Neil", "Müller"], customers)) + (number % 5_000).cast(pl.String),
            "city": "City " + (number % 3_000).cast(pl.String),
            "postcode": (number % 90_000 + 10_000).cast(pl.String),
            "country": country,
            "company": "Company " + (number % 50_000).cast(pl.String),
            "domain": "company" + (number % 50_000).cast(pl.String) + ".test",
            "job_title": pl.Series(rng.choice(["Buyer", "Owner"], customers)),
            "gclid": "Cj0" + text,
            "order_id": "A" + text,
            "converted_at": pl.Series([AS_OF] * customers),
            "consent_email": rng.random(customers) < 0.67,
            "consent_sms": rng.random(customers) < 0.33,
            "consent_ads": rng.random(customers) < 0.67,
        }
    )  # fmt: skip


def audiences(customers: int, count: int, *, seed: int = 1) -> dict[str, pl.DataFrame]:
    """Draw audiences of .5 to 20 % of the customers."""
    rng = np.random.default_rng(seed)
    found = {}
    for i, share in enumerate(np.geomspace(0.005, 0.2, count)):
        chosen = np.flatnonzero(rng.random(customers) < share)
        found[f"segment_{i:02d}"] = pl.DataFrame(
            {
                "customer_id": pl.Series(chosen).cast(pl.String).str.pad_start(9, "0"),
                "value": rng.gamma(2.0, 50.0, chosen.size),
                "churn_risk_90d": rng.random(chosen.size),
            }
        )
    return found


def main() -> None:
    """Print the table."""
    customers, count = (int(value) for value in (*sys.argv[1:3], "1000000", "30")[:2])
    people, groups = contacts(customers), audiences(customers, count)
    options = UploadOptions(currency="EUR", time_zone="Europe/Amsterdam", adjusted_at=AS_OF)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        started, before = time.perf_counter(), cpu_seconds()
        written = write_uploads(groups, people, list(PLATFORMS), Path(folder), options=options)
        seconds, cpu = time.perf_counter() - started, cpu_seconds() - before
        size = sum(path.stat().st_size for path in Path(folder).rglob("*.csv")) / 1e9
        peak = peak_gigabytes()
        members = sum(group.height for group in groups.values())
        for name in PLATFORMS:
            counts = written.counts.filter(pl.col("platform") == name)
            rows.append((name, int(counts["members"].sum()), int(counts["written"].sum())))
        largest = max(Path(folder, "meta").glob("*.csv"), key=lambda path: path.stat().st_size)
        started = time.perf_counter()
        found = verify(largest, "meta")
        verifying = time.perf_counter() - started
    print(f"## {customers:,} customers, {count} audiences of {members:,} members, {len(PLATFORMS)} formats\n")
    print("| format | members | rows written |\n| --- | ---: | ---: |")
    for name, size_in, size_out in rows:
        print(f"| {name} | {size_in:,} | {size_out:,} |")
    print(
        f"\n{len(written.files):,} files, {size:.1f} GB in {seconds:.0f} s ({cpu:.0f} s of processor time); peak "
        f"memory {peak:.1f} GB with the tables themselves. Verifying the largest ({found.rows:,} rows, "
        f"{len(found.findings)} kinds of problem): {verifying:.1f} s. {machine('polars', 'phonenumbers')}; "
        f"{pl.thread_pool_size()} polars threads. Target: under 120 s, under 3 GB."
    )


def cpu_seconds() -> float:
    """Return the processor time that this process has used."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
