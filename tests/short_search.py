"""The options that make ``experiments/search_augment.py`` short: all stages, real fits, few
of them and brief. Tests that compare searches run this one."""

SHORT_SEARCH = ("--preset", "smoke", "--epochs", "10", "--faces", "120")
