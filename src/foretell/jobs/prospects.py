"""Prospects of a scoring run: the table that is published beside the scores, where the shop's tables tell of any."""

from datetime import datetime

from foretell.bundles.files import StoredBundle
from foretell.delivery.prospects import ProspectTable
from foretell.engines.prospects import score_prospects_frame
from foretell.scoring.prospect_schema import prospect_columns
from foretell.tables.dataset import CustomerData


def why_no_chances(stored: StoredBundle) -> str:
    """Say why a bundle tells no chances of first orders.

    Parameters
    ----------
    stored : StoredBundle
        The bundle with its version.

    Returns
    -------
    str
        The end of a sentence; empty where it tells them.
    """
    if stored.bundle.prospects is not None:
        return ""
    state = stored.bundle.card.get("prospects", {}).get("state", "off: the bundle is of an older foretell")
    return f"the model tells no chances of first orders: {str(state).removeprefix('off: ')}"


def prospect_table(
    data: CustomerData, stored: StoredBundle, cutoff: datetime, *, explained_customers: int
) -> ProspectTable | None:
    """Score who never ordered.

    Parameters
    ----------
    data : CustomerData
        The shop's rows.
    stored : StoredBundle
        The bundle with its version.
    cutoff : datetime
        First instant that is not seen.
    explained_customers : int
        How many people get reasons.

    Returns
    -------
    ProspectTable or None
        None where nobody is known who never ordered, or the bundle has no model of first orders.
    """
    model = stored.bundle.prospects
    if model is None:
        return None
    scores = score_prospects_frame(data, stored, cutoff, explained_customers=explained_customers)
    if scores.is_empty():
        return None
    sd = None if model.level.reason else model.level.sd
    return ProspectTable(scores, prospect_columns(model.days), model.days, model.record, sd)
