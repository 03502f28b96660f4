"""The one exception that a user may see: it becomes a single line and exit code 2."""


class UserError(Exception):
    """Something the user can mend. The message says what is wrong, where, and what to do."""
