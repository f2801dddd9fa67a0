import json, time, asyncio, socket
async def test_c(gateway, capsys):
    async def raw(b, b2=b""):
        host, port = gateway.url[7:].split(":")
        rd, w = await asyncio.open_connection(host, int(port))
        w.write(b); await w.drain()
        await asyncio.sleep(0.1)
        w.write(b2); await w.drain()
        try:
            async with asyncio.timeout(1): out = await rd.read(3000)
        except TimeoutError: out = b"(timeout)"
        w.close()
        print(b[:120], "=>", out[:600], "\n")
    k=gateway.key.encode()
    body=b'{"model":"gpt-image-1","prompt":"x"}'
    base=b"POST /v1/images/generations HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer "+k+b"\r\nContent-Type: application/json\r\n"
    await raw(b"GET /v1/models HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer sk-secret\x00\r\n\r\n")
    await raw(base+b"Transfer-Encoding: chunked\r\n\r\n", b"zz\r\n")
    await raw(base+b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n"%len(body), body)
    assert 0
