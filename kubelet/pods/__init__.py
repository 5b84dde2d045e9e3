"""What makes pods be: `pod_set` has a worker for each UID, which runs its machine's actions (`worker`,
`execution`) and has written what became of them (`status_writer`, `event_recorder`)."""
