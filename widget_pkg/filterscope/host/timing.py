"""Every waiting time of the Python side, in seconds, and why it is as long as it is.

Below each name stands its reason, as a docstring. What the page itself waits for stands in `js/src/state/timing.ts`.
"""

from __future__ import annotations

# A person moves: what runs beside them waits

SURVEY_QUIET_SECONDS = 0.25
"""Since the last move, until the survey of a data set goes on: a pass that has begun would delay the next move."""

DIAGNOSIS_QUIET_SECONDS = 0.6
"""Since the last move, until a diagnosis goes on: its passes are longer than the survey's steps."""

IDLE_LOOK_SECONDS = 0.25
"""Between two looks of a task whether the person still comes first."""

SAME_MOVE_SECONDS = 1.0
"""Between a page's question and the change of traits that belongs to it: one look at the weights serves both."""

RUNNING_CELL_SECONDS = 0.5
"""For which a running cell may have to wait while receptive fields are found that nobody waits for yet."""

# Work beside the person, in steps

SURVEY_STEP_SECONDS = 0.015
"""What the survey does at a time: less than a frame of the screen, 16.7 ms."""

SURVEY_PAUSE_SECONDS = 0.002
"""Between two steps of the survey: a lock is not fair, without a pause nobody else would get it."""

SURVEY_CHECK_SECONDS = 0.5
"""Between two looks of the survey at the weights, each of which takes 10 ms in a net of 50 MB."""

LONG_PASS_SECONDS = 0.5
"""A pass of the survey that takes longer comes after the thumbnails of the images on the page."""

DIAGNOSIS_PASS_SECONDS = 0.03
"""Of the processor, what a pass of a diagnosis aims at; the way back takes about twice as long again."""

PARTIAL_RESULT_SECONDS = 0.5
"""Between two partial results of a diagnosis that runs."""

# Reading images

QUICK_SAMPLE_SECONDS = 0.01
"""A data set whose samples take no longer is read while somebody waits."""

THUMBNAILS_SECONDS = 0.05
"""For which thumbnails are read while the page waits for its strip; the others come from the background."""

STREAM_AHEAD_SECONDS = 0.25
"""For which a stream is read on beyond the image that was asked for, so that there is something to go on to."""

RANDOM_DATA_SECONDS = 0.02
"""For which the first sample is read again and again, at most, to see whether the data set is random."""

RANDOM_DRAW_SECONDS = 0.02
"""For as long another thread may take to draw a random number again; waited for once a data set."""

# Answers to a page

LONE_REQUEST_SECONDS = 0.05
"""A request that comes so long after the last one is no part of a burst: its answer is waited for, see `Inbox.take`."""

LONE_ANSWER_SECONDS = 0.1
"""For which the answer to such a request is waited for before the kernel says "idle" of its message."""

MEANS_SECONDS = 0.1
"""For which a request waits for the means that it needs; then the page asks again."""

# Threads

INBOX_IDLE_SECONDS = 2.0
"""For which a thread that answers requests waits for more of them, then it ends."""

SURVEY_IDLE_SECONDS = 3.0
"""Since anybody asked, until the survey's thread ends."""

CLOSE_SECONDS = 5.0
"""For which the end of a thread is waited for where it is closed, so that it no longer computes when Python ends."""
