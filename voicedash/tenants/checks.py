"""What `check --deploy` says of this version that Django cannot know."""

from typing import Any

from django.core.checks import CheckMessage, Tags, Warning, register

# A warning is silenced by the word that settings.RISKS has for its id.


@register(Tags.security, deploy=True)
def check_signing_in(**kwargs: Any) -> list[CheckMessage]:
    """Warns of what signing in does not offer yet."""
    return [
        Warning(
            "Signing in asks for no second factor.",
            hint="Let only people in whom the proxy in front has checked as well, "
            "or accept it: VOICEDASH_ACCEPTED_RISKS=no-second-factor",
            id="voicedash.W001",
        ),
        Warning(
            "A board that is left alone stays signed in for up to twelve hours.",
            hint="Lock the screens of unattended desks, or accept it: VOICEDASH_ACCEPTED_RISKS=no-idle-timeout",
            id="voicedash.W002",
        ),
    ]
