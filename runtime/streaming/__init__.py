"""Exec, attach and port-forward: what a kubelet's clients speak after an HTTP upgrade, and the server of it.

    dictionary < headers < frames < session    SPDY/3.1 as Kubernetes uses it; bytes and events, no I/O
    channels, pairs, statuses, terminal_size   what is said in streams and messages; pure as well
    upgrade, tokens                            the HTTP request, and whether it may come; pure
    inbox, spdy, websocket                     connections with back-pressure
    commands, forwards, server                 what a URL stands for, on either kind of connection

What runs behind a URL is the runtime's business: see `calls.Runtime`.

Read first: the SPDY draft 3.1, RFC 6455, and of Kubernetes apimachinery/pkg/util/httpstream,
apiserver/pkg/util/wsstream and kubelet/pkg/cri/streaming.
"""
