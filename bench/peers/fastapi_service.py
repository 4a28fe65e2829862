"""
A layered service on FastAPI: routes, a service and a repository, JWT, users of two roles, and a cache in Redis. Over HTTP
without GraphQL. asyncpg prepares its statements, and uvicorn runs on uvloop and httptools: as fast as its users make it.
"""

import asyncio
import base64
import json
import os
import socket
import time
import uuid
from contextlib import asynccontextmanager

import asyncpg
import bcrypt
import jwt
import uvicorn
from fastapi import Depends, FastAPI, Header, HTTPException, Response
from pydantic import BaseModel
from redis import asyncio as redis

SECRET = os.environ["PASSWORD_PEPPER"]
COST = int(os.environ["BCRYPT_COST"])
CACHED_SECONDS = 60
FIELDS = "u.id, u.email, u.name, u.created_at, r.name as role"
FROM = "from users u join roles r on r.id = u.role_id"
TABLES = """
create table roles (id smallint primary key, name text not null unique);
insert into roles values (1, 'ADMIN'), (2, 'MEMBER');
create table users (
  id uuid primary key, email text not null unique, password_hash text not null, name text not null,
  role_id smallint not null references roles, created_at timestamptz not null default now());
create index on users (created_at desc, id desc);
"""


class Registration(BaseModel):
    email: str
    password: str
    name: str


class Credentials(BaseModel):
    email: str
    password: str


class Repository:
    """Rows of the database."""

    def __init__(self, pool):
        self.pool = pool

    async def one(self, user_id):
        return await self.pool.fetchrow(f"select {FIELDS} {FROM} where u.id = $1", user_id)

    async def by_email(self, email):
        return await self.pool.fetchrow(f"select {FIELDS}, u.password_hash {FROM} where u.email = $1", email)

    async def page(self, first, after):
        if after is None:
            return await self.pool.fetch(
                f"select {FIELDS} {FROM} order by u.created_at desc, u.id desc limit $1", first
            )
        return await self.pool.fetch(
            f"select {FIELDS} {FROM} where (u.created_at, u.id) < (to_timestamp($2), $3)"
            " order by u.created_at desc, u.id desc limit $1",
            first,
            *after,
        )

    async def add(self, user_id, email, password_hash, name):
        await self.pool.execute(
            "insert into users (id, email, password_hash, name, role_id) values ($1, $2, $3, $4, 2)",
            user_id,
            email,
            password_hash,
            name,
        )


class Service:
    """What the service does, and what of it is cached."""

    def __init__(self, repository, cache):
        self.repository = repository
        self.cache = cache

    async def user(self, user_id):
        """As JSON text, from the cache where it is there."""
        key = f"fastapi:user:{user_id}"
        cached = await self.cache.get(key)
        if cached is not None:
            return cached
        row = await self.repository.one(user_id)
        if row is None:
            raise HTTPException(404, "There is no such user.")
        text = json.dumps(shown(row))
        await self.cache.set(key, text, ex=CACHED_SECONDS)
        return text

    async def page(self, first, after):
        key = f"fastapi:users:{first}:{after or ''}"
        cached = await self.cache.get(key)
        if cached is not None:
            return cached
        rows = await self.repository.page(first + 1, decoded(after) if after else None)
        nodes = rows[:first]
        text = json.dumps(
            {
                "nodes": [shown(row) for row in nodes],
                "hasNextPage": len(rows) > first,
                "endCursor": encoded(nodes[-1]) if nodes else None,
            }
        )
        await self.cache.set(key, text, ex=CACHED_SECONDS)
        return text

    async def register(self, given):
        password_hash = await asyncio.to_thread(
            bcrypt.hashpw, given.password.encode(), bcrypt.gensalt(COST)
        )
        user_id = uuid.uuid4()
        try:
            await self.repository.add(user_id, given.email, password_hash.decode(), given.name)
        except asyncpg.UniqueViolationError as taken:
            raise HTTPException(409, "The address is taken.") from taken
        return {"id": str(user_id), "email": given.email}

    async def login(self, given):
        row = await self.repository.by_email(given.email)
        if row is None or not await asyncio.to_thread(
            bcrypt.checkpw, given.password.encode(), row["password_hash"].encode()
        ):
            raise HTTPException(401, "The address or the password is wrong.")
        claims = {"sub": str(row["id"]), "exp": int(time.time()) + 900}
        return {"access_token": jwt.encode(claims, SECRET, "HS256")}


def shown(row):
    return {"id": str(row["id"]), "email": row["email"], "name": row["name"], "role": {"name": row["role"]}}


def encoded(row):
    return base64.urlsafe_b64encode(f"{row['created_at'].timestamp()} {row['id']}".encode()).decode()


def decoded(cursor):
    created_at, user_id = base64.urlsafe_b64decode(cursor).decode().split(" ")
    return float(created_at), uuid.UUID(user_id)


services = {}


@asynccontextmanager
async def opened():
    pool = await asyncpg.create_pool(os.environ["DATABASE_URL"], min_size=10, max_size=20)
    cache = redis.from_url(os.environ["REDIS_URL"], decode_responses=True, max_connections=300)
    if not await pool.fetchval("select to_regclass('users')"):
        await pool.execute(TABLES)
    services["one"] = Service(Repository(pool), cache)
    yield
    await pool.close()
    await cache.close()


app = FastAPI()


def service():
    return services["one"]


async def viewer(authorization: str = Header(""), service: Service = Depends(service)):
    """The user whose access token the request has: read for each request, so that a new role counts at once."""
    try:
        claims = jwt.decode(authorization.removeprefix("Bearer "), SECRET, ["HS256"], options={"require": ["exp"]})
    except jwt.PyJWTError as wrong:
        raise HTTPException(401, "The access token is not valid.") from wrong
    return json.loads(await service.user(uuid.UUID(claims["sub"])))


def as_json(text):
    return Response(text, media_type="application/json")


@app.post("/register", status_code=201)
async def register(given: Registration, service: Service = Depends(service)):
    return await service.register(given)


@app.post("/login")
async def login(given: Credentials, service: Service = Depends(service)):
    return await service.login(given)


@app.get("/users/me")
async def me(viewer: dict = Depends(viewer)):
    return as_json(json.dumps(viewer))


@app.get("/users/{user_id}")
async def user(user_id: uuid.UUID, viewer: dict = Depends(viewer), service: Service = Depends(service)):
    if viewer["role"]["name"] != "ADMIN" and viewer["id"] != str(user_id):
        raise HTTPException(403, "Only admins read others.")
    return as_json(await service.user(user_id))


@app.get("/users")
async def users(
    first: int = 20, after: str = "", viewer: dict = Depends(viewer), service: Service = Depends(service)
):
    if viewer["role"]["name"] != "ADMIN":
        raise HTTPException(403, "Only admins read the list.")
    return as_json(await service.page(min(first, 100), after))


async def main():
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False, loop="uvloop", http="httptools"))
    async with opened():
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
        # As Gatehouse says it. The socket listens already, so a request waits until the server reads it.
        print(json.dumps({"msg": "API is ready", "address": address}), flush=True)
        await server.serve(sockets=[listener])


uvicorn.Config(app, loop="uvloop").setup_event_loop()
asyncio.run(main())
