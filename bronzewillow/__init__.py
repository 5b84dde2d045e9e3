"""bronzewillow: real pod IPs for a Mac, by an unprivileged VXLAN/Geneve VTEP and a userspace TCP/IP stack."""
