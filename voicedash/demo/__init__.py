"""The demo: everything on one machine, with a stand-in for Bandwidth whose calls ring, talk and end."""
