"""Alembic scripts. They import nothing of ours: a migration must not change when the code does."""
