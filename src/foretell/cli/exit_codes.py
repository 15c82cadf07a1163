"""What each exit code says."""

DONE = 0
FAILED = 1
USAGE = 2
INVALID = 3
INTERRUPTED = 130
TERMINATED = 143

EXIT_CODES: dict[int, str] = {
    DONE: "done, or nothing to do",
    FAILED: "failed; the message says why and what to do",
    USAGE: "wrong command, option or setting",
    INVALID: "the input data are invalid, or too short for what was asked",
    4: "a quality gate refused to publish or promote",
    5: "the newest order is older than allowed",
    75: "another run holds the folder, or a database cannot be reached; try later",
    INTERRUPTED: "interrupted (SIGINT, Ctrl-C)",
    TERMINATED: "terminated (SIGTERM)",
}
"""Every code that a command can end with; nothing half-written is left in any of them."""
