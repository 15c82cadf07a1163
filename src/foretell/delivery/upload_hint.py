"""What a run's README says where it holds no upload files: what they need, and the way to them."""

from collections.abc import Iterable

from foretell.delivery.segment_uploads import platforms_of
from foretell.delivery.segments import Segment

_SHOWN = 3


def upload_hint(segments: Iterable[Segment]) -> list[str]:
    """Say how somebody with a list of customers comes to files that a platform takes.

    Parameters
    ----------
    segments : iterable of Segment
        Those of the run, in their order.

    Returns
    -------
    list of str
        Steps in words; none where no segment names a platform.
    """
    wanted = {segment.name: platforms_of(segment) for segment in segments}
    wanted = {name: platforms for name, platforms in wanted.items() if platforms}
    if not wanted:
        return []
    name, platforms = next(iter(wanted.items()))
    named = ", ".join(f"{one} ({', '.join(its)})" for one, its in list(wanted.items())[:_SHOWN])
    more = f" and {len(wanted) - _SHOWN} more" if len(wanted) > _SHOWN else ""
    return [
        (
            "There are none in this folder: they need addresses and consent, and this run was given none. Segments "
            f"that are made for a platform: {named}{more}."
        ),
        (
            "What is needed is a table such as customers.csv, one row per customer, with the columns customer_id (as "
            "in the orders), email or phone or both, and consent_ads (yes or no) for Meta, Google, Criteo, TikTok and "
            "LinkedIn, consent_email for Klaviyo (consent_sms for its phone numbers). Who did not say yes is left "
            "out."
        ),
        (
            "For one segment now, in the folder of foretell.toml: "
            f"foretell export --to {platforms[0]} --segment {name} --contacts customers.csv. "
            "It says where the files are; README.txt beside them says what to do."
        ),
        (
            "For every run from now on: let whoever runs foretell name the table under [data.customers] in "
            "foretell.toml. The files are then in the folder upload, one folder for each platform."
        ),
        f"Check a file before it is uploaded: foretell verify FILE --for {platforms[0]}",
    ]
