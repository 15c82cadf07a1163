"""What stands beside the upload files of one platform: the README for a person, the ledger for the next upload."""

from datetime import datetime
from pathlib import Path

from foretell.delivery.uploads.ledger import LEDGER_NAME
from foretell.delivery.uploads.readme import render_upload_readme
from foretell.delivery.uploads.template import Platform
from foretell.delivery.uploads.write import Uploads

README_NAME = "README.txt"


def write_companions(uploads: Uploads, platform: Platform, folder: Path, *, shop: str, as_of: datetime) -> None:
    """Write ``README.txt`` and the ledger of one platform, and close its folder to others.

    Parameters
    ----------
    uploads : Uploads
        What was written.
    platform : Platform
        Which of it this is about.
    folder : Path
        Folder of its files; made if there are none.
    shop : str
        Name of the shop.
    as_of : datetime
        First instant that the scores did not see.
    """
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    ledger = folder / LEDGER_NAME
    ledger.touch(mode=0o600)
    uploads.listed.frame(platform.name).write_parquet(ledger)
    readme = render_upload_readme(uploads, platform, shop=shop, as_of=as_of)
    (folder / README_NAME).write_bytes(readme.encode())


def companion_rows(uploads: Uploads, platform: Platform) -> dict[str, int | None]:
    """Return every file of one platform's folder, companions among them, and its rows.

    Parameters
    ----------
    uploads : Uploads
        What was written.
    platform : Platform
        Which of it this is about.

    Returns
    -------
    dict of str to int or None
        Path inside the folder, with forward slashes, to data rows; None for text and for the ledger.
    """
    start = f"{platform.name}/"
    rows = {file.name.removeprefix(start): file.rows for file in uploads.files if file.platform == platform.name}
    return {**rows, LEDGER_NAME: None, README_NAME: None}
