"""A PostgreSQL server of a test's own: Debian's programs, a folder of its own, a free port of this machine only."""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path

UNPRIVILEGED = ("postgres", "nobody")


def programs():
    """Return the folder of initdb and postgres, or None."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[4]))
    found += [Path(path) for path in [shutil.which("initdb")] if path]
    return found[-1].resolve().parent if found else None


def _user():
    """Return who runs the server: this user, or one without rights where that is root, which it refuses."""
    if os.geteuid() != 0:
        return {}
    names = {entry.pw_name: entry for entry in pwd.getpwall()}
    entry = next(names[name] for name in UNPRIVILEGED if name in names)
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


def _free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def postgres_server(password):
    """Yield the port of a running server whose user ``shop`` needs a password; it is stopped afterwards."""
    bin_folder, user = programs(), _user()
    root = Path(tempfile.mkdtemp(prefix="foretell-postgres-"))
    try:
        if user:
            os.chown(root, user["user"], user["group"])
        (root / "password").write_text(password)
        (root / "password").chmod(0o644)
        data, port = root / "data", _free_port()
        environment = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "TZ": "UTC"}
        subprocess.run(
            [bin_folder / "initdb", "-D", data, "-U", "shop", "-A", "scram-sha-256", "-N", f"--pwfile={root}/password"],
            check=True, capture_output=True, env=environment, cwd=root, **user,
        )  # fmt: skip
        control = [bin_folder / "pg_ctl", "-D", data, "-w", "-t", "60", "-l", root / "log"]
        options = f"-c listen_addresses=127.0.0.1 -c port={port} -c unix_socket_directories={root} -c fsync=off"
        subprocess.run(
            [*control, "-o", options, "start"], check=True, capture_output=True, env=environment, cwd=root, **user
        )
        try:
            yield port
        finally:
            subprocess.run(
                [*control, "-m", "immediate", "stop"],
                check=True,
                capture_output=True,
                env=environment,
                cwd=root,
                **user,
            )
    finally:
        shutil.rmtree(root, ignore_errors=True)
