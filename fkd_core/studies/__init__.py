"""The engine of every search: studies, what proposes, prunes, schedules and keeps their trials."""
