"""Names of foretell's own features within sentences, said in words."""

from collections.abc import Sequence
from dataclasses import asdict

import polars as pl

from foretell.delivery.rules.phrases import Speech
from foretell.jobs.segment_inputs import ANY_FEATURE
from foretell.windows import Horizons


def in_words(sentences: pl.Series, names: Sequence[str]) -> pl.Series:
    """Say columns in words, as in "the number of orders in the last 365 days".

    Parameters
    ----------
    sentences : polars.Series of String
        Sentences that name columns.
    names : sequence of str
        Columns of the frame; those that are no features of foretell's, and plain words such as orders, stay.

    Returns
    -------
    polars.Series of String
        Of the same name.
    """
    known = {column.name: column for column in ANY_FEATURE if "_" in column.name}
    # The longest first: one name may be the beginning of another.
    found = sorted((name for name in names if name in known), key=lambda name: (-len(name), name))
    if not found:
        return sentences
    speech = Speech(known, asdict(Horizons()))
    phrases = [speech.phrase(name) for name in found]
    return sentences.to_frame().select(pl.first().str.replace_many(found, phrases, leftmost=True)).to_series()
