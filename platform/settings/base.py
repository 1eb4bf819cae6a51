"""Every setting of the platform, from the environment by way of `env`."""

from socket import gethostname
from urllib.parse import urlsplit

from algoport.settings import env
from algoport.settings.schedule import CELERY_BEAT_SCHEDULE  # noqa: F401

ROOT = env.ROOT

# -- where and what -------------------------------------------------------------------------
ALGOPORT_HOST = env.read("ALGOPORT_HOST", env.host, "127.0.0.1")
ALGOPORT_PORT = env.read("ALGOPORT_PORT", env.port, 8080)
ALGOPORT_DATA = env.read("ALGOPORT_DATA", env.folder, ROOT / "var")
ALGOPORT_URL = env.read(
    "ALGOPORT_URL", env.url("http", "https"), f"http://{ALGOPORT_HOST}:{ALGOPORT_PORT}"
).rstrip("/")
ALGOPORT_LOG_LEVEL = env.read(
    "ALGOPORT_LOG_LEVEL", env.one_of("debug", "info", "warning", "error"), "info"
)
ALGOPORT_LOG_FORMAT = env.read("ALGOPORT_LOG_FORMAT", env.one_of("json", "line"), "json")
# Set by the launcher: which of its programs this process belongs to.
ALGOPORT_PROCESS = env.read(
    "ALGOPORT_PROCESS", env.one_of("web", "worker", "beat", "manage"), "manage"
)
ALGOPORT_WEB_PROCESSES = env.read("ALGOPORT_WEB_PROCESSES", env.integer(1, 64), 2)
ALGOPORT_WORKER_THREADS = env.read("ALGOPORT_WORKER_THREADS", env.integer(2, 256), 16)
# Where this host takes calls that web processes of other hosts forward, and what it is called; an
# installation on one host has neither (docs/adr/0045).
HOST_ADDRESS = env.read("ALGOPORT_HOST_ADDRESS", env.listening, None)
HOST_ID = env.read("ALGOPORT_HOST_ID", env.name_of_host, gethostname() if HOST_ADDRESS else "")
# How long a process that is to stop goes on with the calls that it has.
DRAIN_SECONDS = env.read("ALGOPORT_DRAIN_SECONDS", env.integer(0, 3600), 3)

WEBHOOK_HOSTS = env.read("ALGOPORT_WEBHOOK_HOSTS", env.hosts, env.hosts(""))
DATA_ACCESS_DAYS = env.read("ALGOPORT_DATA_ACCESS_DAYS", env.integer(1, 3650), 90)
CONNECTOR_HOSTS = env.read("ALGOPORT_CONNECTOR_HOSTS", env.hosts, env.hosts(""))
# Repository hosts that are not on the public internet.
SCM_HOSTS = env.read("ALGOPORT_SCM_HOSTS", env.hosts, env.hosts(""))
# The app that Dropbox connectors were authorised for; access tokens are renewed with it.
DROPBOX_APP_KEY = env.read("ALGOPORT_DROPBOX_APP_KEY", str, "")
DROPBOX_APP_SECRET = env.read("ALGOPORT_DROPBOX_APP_SECRET", str, "")

# Where the bytes of hosted files are: in the data folder, or in a bucket.
HOSTED_BUCKET = env.read("ALGOPORT_HOSTED_STORAGE", env.bucket, env.bucket("file"))
if HOSTED_BUCKET:
    HOSTED_BUCKET |= env.keys_of_bucket()
# What one account may have in hosted collections; 0 is no limit.
HOSTED_BYTES_PER_ACCOUNT = env.read(
    "ALGOPORT_HOSTED_BYTES_PER_ACCOUNT", env.integer(0, 2**62), 100 * 1024**3
)
HOSTED_FILES_PER_ACCOUNT = env.read(
    "ALGOPORT_HOSTED_FILES_PER_ACCOUNT", env.integer(0, 2**62), 10_000_000
)

# Who gets in. Proxies in front of the platform, whose X-Forwarded-For says where a client is.
TRUSTED_PROXIES = env.read("ALGOPORT_TRUSTED_PROXIES", env.integer(0, 8), 0)
# Identity providers that are not on the public internet.
IDENTITY_HOSTS = env.read("ALGOPORT_IDENTITY_HOSTS", env.hosts, env.hosts(""))
# Bearer tokens are taken when the first three are set.
JWT_JWKS_URL = env.read("ALGOPORT_JWT_JWKS_URL", env.url("http", "https"), "")
JWT_ISSUER = env.read("ALGOPORT_JWT_ISSUER", str, "")
JWT_AUDIENCE = env.read("ALGOPORT_JWT_AUDIENCE", str, "")
env.together(
    {
        "ALGOPORT_JWT_JWKS_URL": JWT_JWKS_URL,
        "ALGOPORT_JWT_ISSUER": JWT_ISSUER,
        "ALGOPORT_JWT_AUDIENCE": JWT_AUDIENCE,
    }
)
JWT_USERNAME_CLAIM = env.read("ALGOPORT_JWT_USERNAME_CLAIM", str, "")
JWT_EMAIL_CLAIM = env.read("ALGOPORT_JWT_EMAIL_CLAIM", str, "email")
JWT_GROUPS_CLAIM = env.read("ALGOPORT_JWT_GROUPS_CLAIM", str, "")
JWT_ADMIN_GROUP = env.read("ALGOPORT_JWT_ADMIN_GROUP", str, "")

# What isolates algorithms (docs/deploy.md). The address of the engine is read by its SDK, too.
RUNTIME = env.read("ALGOPORT_RUNTIME", env.one_of("auto", "docker", "sandbox"), "auto")
DOCKER_ENGINE = env.read("DOCKER_HOST", str, "")
# Where images are pushed to, so that every host can start every version: HOST[:PORT]/PREFIX.
REGISTRY = env.read("ALGOPORT_REGISTRY", env.registry, "")
# The engine's name for what runs containers (runsc, say); its default without.
DOCKER_RUNTIME = env.read("ALGOPORT_DOCKER_RUNTIME", str, "")
# Processors that one run may use, all its processes together.
RUN_CPUS = env.read("ALGOPORT_RUN_CPUS", env.number(0.1, 1024), 1.0)

SERVICE_FOLDER = env.service_folder(ALGOPORT_DATA)
SOCKET_FOLDER = env.socket_folder(SERVICE_FOLDER, HOST_ID)
# Logs, and what the launcher knows of its processes.
HOST_FOLDER = ALGOPORT_DATA / "hosts" / HOST_ID if HOST_ID else ALGOPORT_DATA
# Where processes leave their metrics for each other (algoport.metrics); the launcher sets it.
METRICS_FOLDER = env.read("PROMETHEUS_MULTIPROC_DIR", env.folder, None)
RUNNERS_FOLDER = SOCKET_FOLDER / "r"
ENVIRONMENTS_FOLDER = SERVICE_FOLDER / "environments"
IMAGES_FOLDER = SERVICE_FOLDER / "images"
JOURNAL_FOLDER = ALGOPORT_DATA / "journal"
ERROR_JOURNAL_FOLDER = JOURNAL_FOLDER / "errors"
DATA_JOURNAL_FOLDER = JOURNAL_FOLDER / "data"
AUDIT_FOLDER = ALGOPORT_DATA / "audit"
REPOSITORIES_FOLDER = ALGOPORT_DATA / "repositories"

# -- Django ---------------------------------------------------------------------------------
SECRET_KEY = env.secret_key(ALGOPORT_DATA)
SECRET_KEY_FALLBACKS = env.secret_key_fallbacks()
ENCRYPTION_KEYS = env.encryption_keys()
DEBUG = False
ALLOWED_HOSTS = ["*"]  # Links are made from ALGOPORT_URL or the request; nothing trusts Host.
INSTALLED_APPS = [
    "algoport.web.portal.apps.PortalConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.humanize",
    "django.contrib.staticfiles",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    "allauth.socialaccount.providers.github",
    "allauth.socialaccount.providers.google",
    "algoport.web",
    "algoport.audit",
    "algoport.accounts",
    "algoport.notifications",
    "algoport.configuration",
    "orgs",
    "scm",
    "dataportal",
    "algorithms",
]
MIDDLEWARE = [
    "algoport.accounts.actors.actor_middleware",
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "algoport.accounts.web.impersonation.ImpersonationMiddleware",
    "algoport.accounts.web.middleware.SessionUseMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "algoport.web.middleware.ContentSecurityPolicyMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "algoport.web.refusals.RefusalMiddleware",
]
ROOT_URLCONF = "algoport.urls"
ASGI_APPLICATION = "algoport.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [ROOT / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "algoport.accounts.web.impersonation.impersonation",
                "algoport.notifications.context.unread_notifications",
                "algoport.configuration.context.brand",
                "algorithms.features.theme.theme",
            ]
        },
    }
]
DATABASE_URL = env.read(
    "DATABASE_URL",
    env.url("postgresql", "postgres"),
    f"postgresql://postgres@/algoport?host={SOCKET_FOLDER / 'pg'}",
)
DATABASES = {"default": env.database(DATABASE_URL)}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
AUTH_USER_MODEL = "accounts.User"
# User names are unique, but without case: by a constraint on LOWER(username) that these checks
# do not know.
SILENCED_SYSTEM_CHECKS = ["auth.E003", "auth.W004"]
# Whether other names below ours speak TLS, and what is built into browsers, is not ours to say.
SILENCED_SYSTEM_CHECKS += ["security.W005", "security.W021"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
AUTHENTICATION_BACKENDS = ["algoport.accounts.backends.PasswordBackend"]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = LOGOUT_REDIRECT_URL = "home"
LANGUAGE_CODE = "en-us"
TIME_ZONE = "UTC"
USE_TZ = True
FORMAT_MODULE_PATH = "algoport.formats"
STATIC_URL = "/static/"
STATICFILES_DIRS = [ROOT / "static"]
STATIC_ROOT = HOST_FOLDER / "static"
APPEND_SLASH = False
SESSION_COOKIE_NAME = "ALGO_SESSION"
SESSION_COOKIE_HTTPONLY = True
_HAS_TLS = ALGOPORT_URL.startswith("https://")
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _HAS_TLS
# Only a proxy knows what came by TLS. Algorithms come to /v1 without, inside the machine.
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if TRUSTED_PROXIES else None
SECURE_SSL_REDIRECT = _HAS_TLS and TRUSTED_PROXIES > 0
SECURE_SSL_HOST = urlsplit(ALGOPORT_URL).netloc
SECURE_REDIRECT_EXEMPT = ["^v1/", "^healthz$", "^readyz$", "^metrics$"]
SECURE_HSTS_SECONDS = 365 * 24 * 3600 if _HAS_TLS else 0
CSRF_FAILURE_VIEW = "algoport.web.refusals.form_from_elsewhere"
# Behind a proxy that speaks TLS, requests come without it.
CSRF_TRUSTED_ORIGINS = [env.origin(ALGOPORT_URL)]
SECURE_CONTENT_TYPE_NOSNIFF = True
X_FRAME_OPTIONS = "DENY"
STORAGES = {
    "default": {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {"location": str(ALGOPORT_DATA / "media")},
    },
    "hosted": {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {
            "location": str(ALGOPORT_DATA / "hosted"),
            "file_permissions_mode": 0o600,
            "directory_permissions_mode": 0o700,
        },
    }
    if not HOSTED_BUCKET
    else {"BACKEND": "dataportal.bucket_storage.BucketStorage", "OPTIONS": HOSTED_BUCKET},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"},
}

# What a page may load, and where its forms go. Pages below a prefix say otherwise.
CONTENT_SECURITY_POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self' data:",
    "font-src": "'self'",
    "connect-src": "'self'",
    "form-action": "'self'",
    "base-uri": "'none'",
    "frame-ancestors": "'none'",
}
CONTENT_SECURITY_POLICY_BELOW = {
    # Their forms lead on to the identity provider, wherever that is.
    "/signin/with/": {"form-action": "'self' https: http:"},
}

# -- mail -----------------------------------------------------------------------------------
MAIL_FOLDER = ALGOPORT_DATA / "mail"
globals().update(env.read("ALGOPORT_MAIL", env.mail, env.mail("folder")))
DEFAULT_FROM_EMAIL = env.read("ALGOPORT_MAIL_FROM", str, "algoport@localhost")

# -- signing in (django-allauth) ------------------------------------------------------------
ACCOUNT_ADAPTER = "algoport.accounts.web.adapters.AccountAdapter"
ACCOUNT_DEFAULT_HTTP_PROTOCOL = ALGOPORT_URL.partition(":")[0]
ACCOUNT_EMAIL_MAX_LENGTH = 100
ACCOUNT_EMAIL_NOTIFICATIONS = True
ACCOUNT_EMAIL_SUBJECT_PREFIX = "[Algoport] "
# Mandatory, because only then sign-up does not tell whose address has an account.
ACCOUNT_EMAIL_VERIFICATION = "mandatory"
ACCOUNT_FORMS = {
    "login": "algoport.accounts.web.forms.SignInForm",
    "signup": "algoport.accounts.web.forms.SignUpForm",
    "reset_password": "algoport.accounts.web.forms.ResetPasswordForm",
}
ACCOUNT_LOGIN_METHODS = {"username", "email"}
ACCOUNT_LOGIN_ON_EMAIL_CONFIRMATION = True
ACCOUNT_REAUTHENTICATION_REQUIRED = True
ACCOUNT_SIGNUP_FORM_CLASS = "algoport.accounts.web.newcomer_form.NewcomerForm"
ACCOUNT_SIGNUP_FIELDS = ["username*", "email*", "password1*", "password2*"]
MFA_ADAPTER = "algoport.accounts.web.adapters.MFAAdapter"
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_TOTP_ISSUER = "Algoport"
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = not _HAS_TLS
SOCIALACCOUNT_ADAPTER = "algoport.accounts.web.adapters.ProviderAdapter"

# -- DRF ------------------------------------------------------------------------------------
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "algoport.accounts.api.authentication.KeyAuthentication",
        "algoport.accounts.api.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["algoport.accounts.api.authentication.IsSignedIn"],
    "DEFAULT_RENDERER_CLASSES": ["algoport.api.renderers.CompactJSONRenderer"],
    "DEFAULT_PARSER_CLASSES": [
        "rest_framework.parsers.FormParser",
        "algoport.api.parsers.JSONBodyParser",
    ],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "algoport.api.negotiation.IgnoreAccept",
    "DEFAULT_SCHEMA_CLASS": "algoport.api.auto_schema.OperationSchema",
    "DEFAULT_METADATA_CLASS": "algoport.api.negotiation.AllowOnly",
    "EXCEPTION_HANDLER": "algoport.api.exception_handler.handle",
    "UNAUTHENTICATED_USER": None,
    "DATETIME_FORMAT": "%Y-%m-%dT%H:%M:%S.%fZ",
}

SPECTACULAR_SETTINGS = {
    "TITLE": "Algoport",
    "DESCRIPTION": "Algorithms as versioned endpoints, and the data that they and their callers"
    " share. Every refusal has the same form; its `code` says what it is about.",
    "VERSION": "v1",
    "SCHEMA_PATH_PREFIX": "/v1",
    "COMPONENT_SPLIT_REQUEST": True,
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
    "SORT_OPERATION_PARAMETERS": False,
    "PREPROCESSING_HOOKS": ["algoport.api.auto_schema.below_v1"],
    "POSTPROCESSING_HOOKS": [
        "algoport.api.auto_schema.unique_ids",
        "algorithms.api.call_description.add_calls",
        "dataportal.api.data_description.add_data",
        "algoport.api.server_description.long_addresses",
        "algoport.api.auto_schema.head_of_every_answer",
    ],
    "APPEND_COMPONENTS": {
        "securitySchemes": {
            "ApiKey": {
                "type": "apiKey",
                "in": "header",
                "name": "Authorization",
                "description": "`Simple KEY`. The bare key will do as well.",
            }
        }
    },
}

# -- Celery ---------------------------------------------------------------------------------
REDIS_URL = env.read(
    "REDIS_URL", env.url("redis", "rediss", "unix"), f"unix://{SOCKET_FOLDER / 'valkey.sock'}"
)
CACHES = {
    "default": {
        "BACKEND": "algoport.caching.SharedCache",
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": "web",
        "OPTIONS": {"socket_timeout": 0.5, "socket_connect_timeout": 0.5},
    }
}
REDIS_SOCKET = env.broker_socket(REDIS_URL)
# Tasks may go through RabbitMQ; all else needs Valkey.
CELERY_BROKER_URL = env.read("CELERY_BROKER_URL", env.url("amqp", "amqps"), env.broker(REDIS_URL))
CELERY_BROKER_TRANSPORT_OPTIONS = REDIS_SOCKET if CELERY_BROKER_URL.startswith("redis") else {}
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_DEFAULT_QUEUE = "periodic"
# Runners are reached by sockets of their host.
RUNNERS_QUEUE = f"runners.{HOST_ID}" if HOST_ID else "runners"
CELERY_TASK_ROUTES = {
    "algorithms.tasks.build_algorithm_task": {"queue": "builds"},
    "algorithms.tasks.start_runner_task": {"queue": RUNNERS_QUEUE},
    "algorithms.tasks.run_queued_calls_task": {"queue": "calls"},
    "algorithms.tasks.deliver_webhooks_task": {"queue": "calls"},
}
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_WORKER_HIJACK_ROOT_LOGGER = False

# -- limits (spec.md 3.10) ------------------------------------------------------------------
CALL_INPUT_BYTES = 10 * 1024 * 1024
CALL_OUTPUT_BYTES = 15 * 1000 * 1000
CALL_TIMEOUT_SECONDS = 300
CALL_TIMEOUT_LIMIT_SECONDS = 3000
PAGE_SIZE = 50
PAGE_SIZE_LIMIT = 1000
DATA_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024
DJANGO_BODY_BYTES = 8 * 1024 * 1024

LOGGING_CONFIG = "algoport.logs.configure"
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "json": {"()": "algoport.logs.JsonFormatter", "process": ALGOPORT_PROCESS},
        "line": {"()": "algoport.logs.LineFormatter"},
    },
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": ALGOPORT_LOG_FORMAT}},
    "root": {"handlers": ["console"], "level": ALGOPORT_LOG_LEVEL.upper()},
    "loggers": {
        "django.request": {"level": "ERROR"},
        # A line for each task says nothing that its service does not say better.
        "celery.worker.strategy": {"level": "WARNING"},
        "celery.app.trace": {"level": "WARNING"},
        "celery.beat": {"level": "WARNING"},
        # SECURITY: each request, with signatures in its address or in what was signed.
        "azure": {"level": "WARNING"},
        "botocore": {"level": "INFO"},
        "urllib3": {"level": "INFO"},
    },
}
