"""The page of a run: one HTML file that needs no network, from what the commands wrote.

One module a section, each from plain data to `Section`; `page` puts them together.
"""
