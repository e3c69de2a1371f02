-- One text for both engines: SQLite takes any type name, so Postgres' names
-- serve. Times are microseconds since 1970 in UTC; 0 is "no time".

-- +goose Up
CREATE TABLE counter (
    name  TEXT   NOT NULL PRIMARY KEY,
    value BIGINT NOT NULL
);
INSERT INTO counter (name, value) VALUES ('fence', 0), ('audit', 0), ('publication', 0), ('health', 0);

CREATE TABLE delivery (
    guid         TEXT   NOT NULL PRIMARY KEY,
    event        TEXT   NOT NULL,
    action       TEXT   NOT NULL,
    installation BIGINT NOT NULL,
    repository   BIGINT NOT NULL,
    received     BIGINT NOT NULL,
    recorded     BIGINT NOT NULL,
    digest       BYTEA  NOT NULL
);
CREATE INDEX delivery_recorded ON delivery (recorded);

CREATE TABLE work (
    repository     BIGINT NOT NULL,
    pull           BIGINT NOT NULL,
    merge_group    TEXT   NOT NULL,
    installation   BIGINT NOT NULL,
    want           BIGINT NOT NULL,
    done           BIGINT NOT NULL,
    claimed        BIGINT NOT NULL,
    priority       BIGINT NOT NULL,
    later_priority BIGINT NOT NULL,
    woken          BIGINT NOT NULL,
    later_woken    BIGINT NOT NULL,
    not_before     BIGINT NOT NULL,
    rest_until     BIGINT NOT NULL,
    alarm          BIGINT NOT NULL,
    owner          TEXT   NOT NULL,
    fence          BIGINT NOT NULL,
    lease_until    BIGINT NOT NULL,
    attempts       BIGINT NOT NULL,
    parked         TEXT   NOT NULL,
    reason         TEXT   NOT NULL,
    touched        BIGINT NOT NULL,
    PRIMARY KEY (repository, pull, merge_group)
);
CREATE INDEX work_open ON work (lease_until) WHERE parked = '' AND (want > done OR alarm > 0);
CREATE INDEX work_leased ON work (lease_until) WHERE lease_until > 0;
CREATE INDEX work_parked ON work (repository, pull) WHERE parked <> '';
CREATE INDEX work_touched ON work (touched);

-- A lane is what turns are taken between: an installation or a repository.
CREATE TABLE lane (
    kind       TEXT   NOT NULL,
    id         BIGINT NOT NULL,
    served     BIGINT NOT NULL,
    not_before BIGINT NOT NULL,
    PRIMARY KEY (kind, id)
);

CREATE TABLE review_seen (
    repository BIGINT NOT NULL,
    review     BIGINT NOT NULL,
    pull       BIGINT NOT NULL,
    person     BIGINT NOT NULL,
    base_ref   TEXT   NOT NULL,
    commit_sha TEXT   NOT NULL,
    state      TEXT   NOT NULL,
    submitted  BIGINT NOT NULL,
    body       TEXT   NOT NULL,
    seen       BIGINT NOT NULL,
    PRIMARY KEY (repository, review)
);
CREATE INDEX review_seen_pull ON review_seen (repository, pull);
CREATE INDEX review_seen_seen ON review_seen (seen);

CREATE TABLE head_seen (
    repository BIGINT NOT NULL,
    pull       BIGINT NOT NULL,
    sha        TEXT   NOT NULL,
    before_sha TEXT   NOT NULL,
    sender     BIGINT NOT NULL,
    at         BIGINT NOT NULL,
    seen       BIGINT NOT NULL,
    PRIMARY KEY (repository, pull, sha, before_sha, sender)
);
CREATE INDEX head_seen_seen ON head_seen (seen);

CREATE TABLE tip_seen (
    repository BIGINT NOT NULL,
    ref        TEXT   NOT NULL,
    sha        TEXT   NOT NULL,
    at         BIGINT NOT NULL,
    seen       BIGINT NOT NULL,
    PRIMARY KEY (repository, ref, sha)
);
CREATE INDEX tip_seen_seen ON tip_seen (seen);

CREATE TABLE comment_seen (
    repository BIGINT  NOT NULL,
    comment    BIGINT  NOT NULL,
    pull       BIGINT  NOT NULL,
    person     BIGINT  NOT NULL,
    app        BIGINT  NOT NULL,
    edited     BOOLEAN NOT NULL,
    created    BIGINT  NOT NULL,
    body       TEXT    NOT NULL,
    seen       BIGINT  NOT NULL,
    PRIMARY KEY (repository, comment)
);
CREATE INDEX comment_seen_pull ON comment_seen (repository, pull);
CREATE INDEX comment_seen_seen ON comment_seen (seen);

CREATE TABLE dismissal_seen (
    repository BIGINT NOT NULL,
    review     BIGINT NOT NULL,
    pull       BIGINT NOT NULL,
    sender     BIGINT NOT NULL,
    at         BIGINT NOT NULL,
    seen       BIGINT NOT NULL,
    PRIMARY KEY (repository, review)
);
CREATE INDEX dismissal_seen_pull ON dismissal_seen (repository, pull);
CREATE INDEX dismissal_seen_seen ON dismissal_seen (seen);

CREATE TABLE hand_seen (
    repository BIGINT NOT NULL,
    pull       BIGINT NOT NULL,
    commit_sha TEXT   NOT NULL,
    person     BIGINT NOT NULL,
    how        TEXT   NOT NULL,
    seen       BIGINT NOT NULL,
    PRIMARY KEY (repository, pull, commit_sha, person, how)
);
CREATE INDEX hand_seen_seen ON hand_seen (seen);

CREATE TABLE push_seen (
    repository BIGINT  NOT NULL,
    ref        TEXT    NOT NULL,
    after_sha  TEXT    NOT NULL,
    before_sha TEXT    NOT NULL,
    sender     BIGINT  NOT NULL,
    forced     BOOLEAN NOT NULL,
    at         BIGINT  NOT NULL,
    seen       BIGINT  NOT NULL,
    PRIMARY KEY (repository, ref, after_sha, before_sha, sender)
);
CREATE INDEX push_seen_seen ON push_seen (seen);

CREATE TABLE publication (
    id          BIGINT NOT NULL PRIMARY KEY,
    repository  BIGINT NOT NULL,
    pull        BIGINT NOT NULL,
    base_ref    TEXT   NOT NULL,
    base_sha    TEXT   NOT NULL,
    head_sha    TEXT   NOT NULL,
    tree_sha    TEXT   NOT NULL,
    digest      TEXT   NOT NULL,
    assessment  TEXT   NOT NULL,
    conclusion  TEXT   NOT NULL,
    own         TEXT   NOT NULL,
    content     TEXT   NOT NULL,
    external_id TEXT   NOT NULL,
    check_run   BIGINT NOT NULL,
    at          BIGINT NOT NULL
);
CREATE INDEX publication_pull ON publication (repository, pull, id);
CREATE INDEX publication_head ON publication (repository, head_sha, id);
CREATE INDEX publication_tree ON publication (repository, tree_sha, id);
CREATE INDEX publication_at ON publication (at);

CREATE TABLE binding (
    repository BIGINT NOT NULL,
    review     BIGINT NOT NULL,
    pull       BIGINT NOT NULL,
    person     BIGINT NOT NULL,
    base_ref   TEXT   NOT NULL,
    commit_sha TEXT   NOT NULL,
    digest     TEXT   NOT NULL,
    entries    BYTEA  NOT NULL,
    at         BIGINT NOT NULL,
    PRIMARY KEY (repository, review)
);
CREATE INDEX binding_pull ON binding (repository, pull);
CREATE INDEX binding_at ON binding (at);

CREATE TABLE assessment (
    id      TEXT   NOT NULL PRIMARY KEY,
    body    BYTEA  NOT NULL,
    size    BIGINT NOT NULL,
    sum     BYTEA  NOT NULL,
    created BIGINT NOT NULL,
    used    BIGINT NOT NULL
);
CREATE INDEX assessment_used ON assessment (used, id, size);

CREATE TABLE outbox (
    id       TEXT    NOT NULL PRIMARY KEY,
    intent   BYTEA   NOT NULL,
    result   BYTEA   NOT NULL,
    done     BOOLEAN NOT NULL,
    begun    BIGINT  NOT NULL,
    finished BIGINT  NOT NULL
);
CREATE INDEX outbox_begun ON outbox (done, begun);

CREATE TABLE audit (
    id         BIGINT NOT NULL PRIMARY KEY,
    at         BIGINT NOT NULL,
    repository BIGINT NOT NULL,
    pull       BIGINT NOT NULL,
    kind       TEXT   NOT NULL,
    body       BYTEA  NOT NULL
);
CREATE INDEX audit_pull ON audit (repository, pull, id);
CREATE INDEX audit_at ON audit (at);

CREATE TABLE secret (
    name       TEXT   NOT NULL,
    generation BIGINT NOT NULL,
    value      BYTEA  NOT NULL,
    created    BIGINT NOT NULL,
    PRIMARY KEY (name, generation)
);

-- +goose Down
DROP TABLE secret;
DROP TABLE audit;
DROP TABLE outbox;
DROP TABLE assessment;
DROP TABLE binding;
DROP TABLE publication;
DROP TABLE push_seen;
DROP TABLE hand_seen;
DROP TABLE dismissal_seen;
DROP TABLE comment_seen;
DROP TABLE tip_seen;
DROP TABLE head_seen;
DROP TABLE review_seen;
DROP TABLE lane;
DROP TABLE work;
DROP TABLE delivery;
DROP TABLE counter;
