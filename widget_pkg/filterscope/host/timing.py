"""Every waiting time of the Python side, in seconds.

The docstring below each name says what waits and why so long. The page's own waiting times are in
`js/src/state/timing.ts`.
"""

from __future__ import annotations

# A person moves: background work waits

SURVEY_QUIET_SECONDS = 0.25
"""After a move the survey of the data set waits so long: a pass that has begun would delay the next move."""

DIAGNOSIS_QUIET_SECONDS = 0.6
"""After a move a diagnosis waits so long, because its passes are longer than the survey's steps."""

IDLE_LOOK_SECONDS = 0.25
"""A waiting task checks at this interval whether it must go on waiting for the person."""

SAME_MOVE_SECONDS = 1.0
"""If a page's request and a change of traits are no further apart, one check of the weights serves both."""

RUNNING_CELL_SECONDS = 0.5
"""A running cell waits at most so long for receptive fields that are computed before a person needs them."""

# Background work, in steps

SURVEY_STEP_SECONDS = 0.015
"""Length of one step of the survey: less than the screen's refresh interval, 16.7 ms."""

SURVEY_PAUSE_SECONDS = 0.002
"""Pause between two steps of the survey: the lock is not fair, so without a pause no other thread would get it."""

SURVEY_CHECK_SECONDS = 0.5
"""The survey checks the weights at this interval: a check takes 10 ms in a net of 50 MB."""

LONG_PASS_SECONDS = 0.5
"""If a pass of the survey takes longer, the thumbnails of the images on the page are read first."""

DIAGNOSIS_PASS_SECONDS = 0.03
"""Processor time that a forward pass of a diagnosis should take; the backward pass takes about twice as long."""

SCAN_PASS_SECONDS = 0.09
"""The same for a scan, which has no backward pass: as long as a diagnosis takes for both."""

PARTIAL_RESULT_SECONDS = 0.5
"""A running diagnosis sends partial results at this interval."""

SCAN_PIECE_SECONDS = 1.0
"""A scan beside a person takes in so much at a time: what is cancelled loses no more, and a page shows what came."""

EXECUTOR_LOOK_SECONDS = 0.2
"""While workers scan shards, it is checked at this interval whether the scan was cancelled."""

# Reading images

QUICK_SAMPLE_SECONDS = 0.01
"""If reading a sample takes no longer, samples are read while the page waits."""

THUMBNAILS_SECONDS = 0.05
"""Thumbnails are read for at most so long while the page waits for its strip; others are read in the background."""

READ_AT_ONCE_SECONDS = 0.015
"""A scan reads as many samples in one go as take so long: a person's own sample waits no longer than one frame."""

SLOW_READ_SECONDS = 1.0
"""After so long, and four times as long as samples usually take, another sample that a person waits for is read too."""

INTERRUPT_LOOK_SECONDS = 0.1
"""A main thread that waits for another thread's reading looks so often whether Ctrl-C came."""

STREAM_REQUEST_SECONDS = 5.0
"""A stream is read on for at most so long for one request of a page; then the page is told how far it is."""

STREAM_TURN_SECONDS = 0.002
"""A thread steps a stream for at most so long, but at least once, until others that wait have their turn."""

STREAM_AHEAD_SECONDS = 0.25
"""A stream is read beyond the requested image for at most so long, so that the next images are known."""

RANDOM_DATA_SECONDS = 0.02
"""The first sample is read again for at most so long, to see whether the data set is random."""

# Answers to a page

LONE_REQUEST_SECONDS = 0.05
"""A request that comes so long after the last one is not in a burst: its answer is waited for, see `Inbox.take`."""

LONE_ANSWER_SECONDS = 0.1
"""The answer to such a request is waited for at most so long; then the kernel reports its message as handled."""

MEANS_SECONDS = 0.1
"""A request waits at most so long for the mean maps that it needs; then the page asks again."""

FILTER_EFFECTS_SECONDS = 0.1
"""A request waits at most so long for the effects of a layer's filters; then the page asks again how far they are."""

CROPS_SECONDS = 0.1
"""A request waits at most so long for the crops of a filter; then the page asks again."""

GIVE_WAY_SECONDS = 0.005
"""What a person waits for less than for a picture checks at this interval whether the picture is still waited for."""

STRIP_OVER_TIME_SECONDS = 0.06
"""So long the checkpoints of a filter's strip are computed in one go; the page asks for the next ones."""

# Writing a page

PIPE_READER_SECONDS = 10.0
"""A pipe that a page is written to may be left unread for so long; then an error says so."""

PIPE_READER_LOOK_SECONDS = 0.02
"""At this interval it is checked whether somebody has begun to read such a pipe."""

# Views

FIRST_VIEW_SECONDS = 30.0
"""After a cell has shown an explorer its first view is waited for: meanwhile nothing is dropped that it will need."""

LET_GO_SECONDS = 0.1
"""If nobody can reach an explorer any more, its idle threads end within this time; others are not waited for."""

# Threads

SLOW_ANSWER_SECONDS = 1.0
"""If an answer takes longer, as one that waits for a slow sample does, another thread answers what came after it."""

INBOX_IDLE_SECONDS = 2.0
"""The thread that answers requests ends after so long without one."""

SURVEY_IDLE_SECONDS = 3.0
"""The survey's thread ends after so long without a request."""

CLOSE_SECONDS = 5.0
"""Closing a thread waits at most so long for its end, so that it no longer computes when Python ends."""
