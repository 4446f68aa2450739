"""The methods of the asynchronous client that send any request."""

from typing import TYPE_CHECKING

from .._native import Client, Response

if TYPE_CHECKING:
    from .._native import _Duration, _Headers, _Params
    from .calls import Calls

__all__ = ["RequestMethods"]


class RequestMethods:
    """The part of AsyncClient that sends any request."""

    __slots__ = ("_calls", "_client")

    _client: Client
    _calls: "Calls"

    async def request(
        self,
        method: str,
        path: str,
        *,
        json: object = None,
        content: bytes | str | None = None,
        params: "_Params | None" = None,
        headers: "_Headers | None" = None,
        timeout: "_Duration | None" = None,
    ) -> Response:
        """Sends any request to the API, with the auth token, and returns the response, like
        Client.request().

        Do not change the arguments until the call returns. If the task is cancelled, the request
        may have taken effect."""
        client = self._client
        return await self._calls.run(
            lambda: client.request(
                method, path, json=json, content=content, params=params, headers=headers
            ),
            timeout=timeout,
            start=lambda wake, waited: client._start(
                wake,
                waited,
                method,
                path,
                json=json,
                content=content,
                params=params,
                headers=headers,
                timeout=timeout,
            ),
        )

    async def get(
        self,
        path: str,
        *,
        params: "_Params | None" = None,
        headers: "_Headers | None" = None,
        timeout: "_Duration | None" = None,
    ) -> Response:
        """Sends a GET request: request("GET", path, …)."""
        return await self.request("GET", path, params=params, headers=headers, timeout=timeout)

    async def post(
        self,
        path: str,
        *,
        json: object = None,
        content: bytes | str | None = None,
        params: "_Params | None" = None,
        headers: "_Headers | None" = None,
        timeout: "_Duration | None" = None,
    ) -> Response:
        """Sends a POST request: request("POST", path, …)."""
        return await self.request(
            "POST",
            path,
            json=json,
            content=content,
            params=params,
            headers=headers,
            timeout=timeout,
        )

    async def patch(
        self,
        path: str,
        *,
        json: object = None,
        content: bytes | str | None = None,
        params: "_Params | None" = None,
        headers: "_Headers | None" = None,
        timeout: "_Duration | None" = None,
    ) -> Response:
        """Sends a PATCH request: request("PATCH", path, …)."""
        return await self.request(
            "PATCH",
            path,
            json=json,
            content=content,
            params=params,
            headers=headers,
            timeout=timeout,
        )

    async def put(
        self,
        path: str,
        *,
        json: object = None,
        content: bytes | str | None = None,
        params: "_Params | None" = None,
        headers: "_Headers | None" = None,
        timeout: "_Duration | None" = None,
    ) -> Response:
        """Sends a PUT request: request("PUT", path, …)."""
        return await self.request(
            "PUT",
            path,
            json=json,
            content=content,
            params=params,
            headers=headers,
            timeout=timeout,
        )

    async def delete(
        self,
        path: str,
        *,
        params: "_Params | None" = None,
        headers: "_Headers | None" = None,
        timeout: "_Duration | None" = None,
    ) -> Response:
        """Sends a DELETE request: request("DELETE", path, …)."""
        return await self.request("DELETE", path, params=params, headers=headers, timeout=timeout)
