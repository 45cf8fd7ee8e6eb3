"""The doors: ways in for people and programs. No door knows another."""
