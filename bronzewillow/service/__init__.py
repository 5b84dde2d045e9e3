"""The node as a service of its user: launchd's LaunchAgent on a Mac, a user unit of systemd on Linux.

job       what is to be run, whoever runs it
launchd   the same as a LaunchAgent
systemd   the same as a user unit
system    which of the two this machine has
verbs     `bronzewillow install` and `uninstall`
"""
