"""Who was uploaded where, held as places among the contacts: a customer may be on hundreds of lists."""

from dataclasses import dataclass, field

import polars as pl

LEDGER_SCHEMA = {"platform": pl.String, "audience": pl.String, "state": pl.String, "customer_id": pl.String}
ADDED, REMOVED = "added", "removed"


@dataclass(eq=False, repr=False)
class Listed:
    """The people of upload files, by platform and audience.

    Parameters
    ----------
    ids : pl.Series
        Customer ids of the contacts.
    """

    ids: pl.Series
    _parts: list[tuple[str, str, str, pl.Series]] = field(default_factory=list)

    def add(self, platform: str, audience: str, *, added: pl.Series, removed: pl.Series) -> None:
        """Note the people of one audience on one platform.

        Parameters
        ----------
        platform, audience : str
            What they are for.
        added, removed : pl.Series
            Places among the contacts of those in the file, and of those to be taken off.
        """
        self._parts += [(platform, audience, ADDED, added), (platform, audience, REMOVED, removed)]

    def frame(self, platform: str | None = None) -> pl.DataFrame:
        """Return them as a table.

        Parameters
        ----------
        platform : str or None
            The only platform that is wanted; None is all.

        Returns
        -------
        pl.DataFrame
            Columns of `LEDGER_SCHEMA`.
        """
        parts = [
            self.ids.gather(rows).alias("customer_id").to_frame().select(
                platform=pl.lit(name), audience=pl.lit(audience), state=pl.lit(state), customer_id="customer_id"
            )
            for name, audience, state, rows in self._parts
            if platform in {None, name}
        ]  # fmt: skip
        return pl.concat(parts) if parts else pl.DataFrame(schema=LEDGER_SCHEMA)
