"""Where each request goes."""

from django.urls import path, re_path

from webapp.accounts.pages import follow_login_link
from webapp.assets.files import serve_file
from webapp.config.api import build_api
from webapp.web.views import health, missing_api, page

api = build_api()

urlpatterns = [
    path("api/v1/", api.urls),
    re_path(r"^api/", missing_api),
    path("login/<str:token>", follow_login_link),
    path("files/<str:token>", serve_file),
    path("health", health),
    re_path(r"^.*$", page),
]
handler400 = "webapp.web.views.bad_request"
handler500 = "webapp.web.views.server_error"
