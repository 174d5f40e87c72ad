"""Headers that every answer carries beside Django's own and the content security policy."""

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.deprecation import MiddlewareMixin

HEADERS = {
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}


class SecurityHeaders(MiddlewareMixin):
    """Adds HEADERS. A MiddlewareMixin costs no thread hop under ASGI, a plain function would."""

    def process_response(self, _request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        """The response with the headers that it did not set itself."""
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        return response
