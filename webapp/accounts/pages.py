"""The page behind a login link."""

from django.contrib.auth import login
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from webapp.accounts.services import redeem_login_link
from webapp.common.errors import Gone


# HEAD is not served: a mail scanner that looks at the link must not use it up.
@require_GET
@never_cache
def follow_login_link(request: HttpRequest, token: str) -> HttpResponse:
    """Sign in and go to the studio, or say why not."""
    try:
        user = redeem_login_link(token=token)
    except Gone as error:
        return render(request, "accounts/link_gone.html", {"reason": error.message}, status=error.status)
    login(request, user, backend="django.contrib.auth.backends.ModelBackend")
    return HttpResponseRedirect("/")
