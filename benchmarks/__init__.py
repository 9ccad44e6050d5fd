"""Measurements that anyone can repeat; each prints a table with what it ran on."""
