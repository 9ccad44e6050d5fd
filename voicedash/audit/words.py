"""The words of the log: for what entries hold as keys, and for what a reader chooses from."""

VOICEDASH = "voicedash"
COMMAND_LINE = "The command line"
# What a reader chooses from. The keys are those of entries.
KINDS = {
    "recording": "Pauses and resumes",
    "incident": "Incidents",
    "call": "Calls",
    "change": "Settings and people",
}
INCIDENTS = {
    "failed": "not paused",
    "unconfirmed": "not confirmed",
    "late": "answered too late",
    "outlived": "not resumed at its end",
    "joined": "joining leg not paused",
    "evidence": "evidence against a pause",
    "account": "account refused",
    "unfed": "calls do not come",
    "worker": "no worker",
}
OUTCOMES = {
    "acknowledged": "Acknowledged",
    "refused": "Refused",
    "unknown_call": "Call not known",
    "credentials": "Sign-in at Bandwidth refused",
    "unreachable": "Bandwidth not reached",
    "unconfirmed": "Not confirmed",
    "not_asked": "Not asked",
}
SIGN_INS = {
    "user.signed_in": "Signed in",
    "user.signed_out": "Signed out",
    "user.sign_in_failed": "Sign-in failed",
    "user.locked": "Locked after ten failures",
    "user.unlocked": "Unlocked",
    "user.added": "Added",
    "user.changed": "Changed",
    "user.removed": "Removed",
}
# What sentences are made of.
CAME = {
    "acknowledged": "acknowledged",
    "refused": "refused by Bandwidth",
    "unknown_call": "Bandwidth did not know this call then",
    "credentials": "Bandwidth refused the account's sign-in",
    "unreachable": "Bandwidth was not reached, and nothing was sent",
    "unconfirmed": "not confirmed, as no readable answer came",
    "not_asked": "Bandwidth was not asked",
}
RESULTS = {
    "acknowledged": "acknowledged",
    "unknown": "no readable answer",
    "never_reached": "not reached",
    "refused": "refused",
    "unknown_call": "call not known",
    "credentials": "sign-in refused",
    "token_refused": "token refused",
    "rate_limited": "asked too often",
    "vanished": "sender gone",
}
WHY = {
    "expired": "its time was over before its turn came",
    "restored": "the database was restored from a backup",
    "recording ended": "its recording ended, and another may have begun",
    "unknown": "Bandwidth never knew this id",
    "unheard": "nothing was heard of this id",
    "forgotten": "it was over for more than a week",
}
SOURCES = {
    "reassert": "asked again, as a request was in doubt",
    "timer": "as the pause had ended",
    "system": "by itself, for the pause that a person wished",
}
CHECKED = {
    "ok": "works",
    "credentials": "wrong credentials",
    "role": "no voice role",
    "account": "not this account id",
    "unreachable": "not reachable",
    "sealed": "its secret cannot be opened",
}
DOES = {"added": "added", "changed": "changed", "removed": "removed", "resealed": "sealed the secret anew of"}
THINGS = {
    "tenant": "the tenant's settings",
    "account": "the Bandwidth account",
    "reason": "the reason",
    "callback_credential": "the callback credential",
    "line": "the line",
}
PLAIN_OUTCOMES = {"acknowledged": "", "not_asked": "wait", "unknown_call": "wait"}  # the others need a look
