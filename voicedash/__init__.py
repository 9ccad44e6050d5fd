"""voicedash: live calls on one page, and a button on each that pauses its recording."""
