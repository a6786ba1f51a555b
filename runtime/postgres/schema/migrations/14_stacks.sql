-- name: stacks
-- Where a handler was when it ended its process or did not stop: a heading and a line for each frame.
ALTER TABLE sluice.attempt ADD COLUMN stack text NOT NULL DEFAULT '';
