"""Authlib (with joserfc for tokens) signs a citizen in: OpenID Connect, authorization code with PKCE.

`vneid` is called through a security server, so the client's requests carry `X-Road-Client`, and `X-Forwarded-*` says
under which address they were made, as a proxy in front of a browser would.
"""

from urllib.parse import parse_qsl, urlsplit

import pytest
import requests
from authlib.common.security import generate_token
from authlib.integrations.requests_client import OAuth2Session
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import BadSignatureError
from joserfc.jwk import ECKey, KeySet
from lxml import html

RETURN_TO = "http://127.0.0.1:3000/callback"
NONCE = "n-0S6_WzA2Mj"
PATH = "/r1/VN/GOV/G01/VNEID/vneid"
SECONDS_MAX = 30
CLIENTS = {
    "client_secret_basic": ("sandbox", "sandbox-only"),
    "client_secret_post": ("sandbox", "sandbox-only"),
    "none": ("sandbox-public", None),
}


@pytest.fixture
def fields(department):
    client, server = department
    return {
        "X-Road-Client": client,
        "X-Forwarded-Host": urlsplit(server).netloc,
        "X-Forwarded-Prefix": PATH,
    }


@pytest.fixture
def configuration(department, fields):
    address = f"{department[1]}{PATH}/.well-known/openid-configuration"
    answer = requests.get(address, headers=fields, timeout=SECONDS_MAX)
    assert answer.status_code == 200, answer.text
    assert answer.json()["issuer"] == f"{department[1]}{PATH}"
    return answer.json()


@pytest.fixture
def keys(configuration, fields):
    answer = requests.get(configuration["jwks_uri"], headers=fields, timeout=SECONDS_MAX)
    return KeySet.import_key_set(answer.json())


def session(fields, method):
    name, secret = CLIENTS[method]
    made = OAuth2Session(
        name,
        secret,
        scope="openid profile",
        redirect_uri=RETURN_TO,
        code_challenge_method="S256",
        token_endpoint_auth_method=method,
    )
    made.headers.update(fields)
    return made


def consent(address, fields, number, decision="allow"):
    """What a browser does with the page: its form is sent back. The address it is sent on to."""
    page = requests.get(address, headers=fields, timeout=SECONDS_MAX)
    assert page.status_code == 200, page.text
    [form] = html.fromstring(page.text, base_url=address).forms
    values = {**dict(form.form_values()), "citizen": number, "decision": decision}
    options = {"headers": fields, "allow_redirects": False, "timeout": SECONDS_MAX}
    answer = requests.post(form.action or address, data=values, **options)
    assert answer.status_code == 303, answer.text
    return answer.headers["Location"]


def claims_of(token, keys, configuration, name):
    decoded = jwt.decode(token["id_token"], keys, algorithms=["ES256"])
    options = {"iss": {"value": configuration["issuer"]}, "aud": {"value": name}}
    parameters = {"nonce": NONCE, "client_id": name, "access_token": token["access_token"]}
    claims = CodeIDToken(decoded.claims, decoded.header, options, parameters)
    claims.validate()
    return claims


@pytest.mark.parametrize("method", CLIENTS)
def test_a_citizen_signs_in(configuration, keys, fields, citizen, method):
    client = session(fields, method)
    verifier = generate_token(48)
    address, state = client.create_authorization_url(
        configuration["authorization_endpoint"], nonce=NONCE, code_verifier=verifier
    )
    returned = consent(address, fields, citizen["number"])
    assert returned.startswith(RETURN_TO)
    token = client.fetch_token(
        configuration["token_endpoint"],
        authorization_response=returned,
        state=state,
        code_verifier=verifier,
    )
    claims = claims_of(token, keys, configuration, CLIENTS[method][0])
    about = client.get(configuration["userinfo_endpoint"]).json()
    assert about["sub"] == claims["sub"]
    assert about["HoVaTen"].upper() == citizen["name"]
    client.get(
        configuration["end_session_endpoint"],
        params={"id_token_hint": token["id_token"]},
        allow_redirects=False,
    )
    assert client.get(configuration["userinfo_endpoint"]).status_code == 401


def test_a_code_is_worth_nothing_without_its_verifier(configuration, fields, citizen):
    client = session(fields, "none")
    address, state = client.create_authorization_url(
        configuration["authorization_endpoint"], nonce=NONCE, code_verifier=generate_token(48)
    )
    returned = consent(address, fields, citizen["number"])
    with pytest.raises(Exception, match="invalid_grant"):
        client.fetch_token(
            configuration["token_endpoint"],
            authorization_response=returned,
            state=state,
            code_verifier=generate_token(48),
        )


def test_a_citizen_may_refuse(configuration, fields, citizen):
    client = session(fields, "none")
    address, state = client.create_authorization_url(
        configuration["authorization_endpoint"], nonce=NONCE, code_verifier=generate_token(48)
    )
    returned = consent(address, fields, citizen["number"], decision="deny")
    told = dict(parse_qsl(urlsplit(returned).query))
    assert (told["error"], told["state"]) == ("access_denied", state)
    assert told["iss"] == configuration["issuer"]


def test_a_token_signed_by_another_is_found_out(keys):
    kid = keys.keys[0].kid
    other = ECKey.generate_key("P-256", {"kid": kid})
    forged = jwt.encode({"alg": "ES256", "kid": kid}, {"sub": "x"}, other)
    with pytest.raises(BadSignatureError):
        jwt.decode(forged, keys, algorithms=["ES256"])
