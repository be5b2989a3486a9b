"""The connection is cut after some request of a call, and stays so until the call has failed."""

from __future__ import annotations

from mlops_core.errors import AliasNotFoundError
from mlops_core.testing.model_registry.calls import ALIAS, MODEL
from mlops_core.testing.model_registry.connected_scenes import (
    CALLS,
    NEW,
    TAGS,
    TAGS_AFTER,
    Fresh,
    OnAConnection,
    delete_model,
    delete_version,
    got_through,
    move_alias,
    prepared,
    register_new,
    set_tags,
)


class Cuts(OnAConnection):
    """What others see of a call that was cut off anywhere, and whether the next call works."""

    def test_a_version_is_whole_or_absent__when_the_connection_is_cut(self, fresh_registry: Fresh) -> None:
        """Wherever a registration is cut off, others see no version of it or a whole one, and the next one works.

        If this fails: the version becomes visible before its last file is stored, or what a failed call has left is in
        the way of the next. Make the one request that shows the version the last one.
        """
        for versions in (0, 2):
            for scene, number in self.disturbed(fresh_registry, register_new, versions=versions):
                with scene.connection.cut(after=number):
                    done = got_through(scene, register_new, "register")
                found = [each.operation_id for each in scene.whole_versions()]
                old = [each.operation_id for each in reversed(scene.versions)]
                whole = ["op-new", *old]
                assert found in ([whole] if done else [old, whole]), f"cut after {number} requests"
                scene.registry.register(MODEL, NEW, operation_id="op-next")
                after = scene.whole_versions()
                assert [each.digest for each in after].count(NEW.manifest.digest) == 1, f"cut after {number} requests"
                assert [each.operation_id for each in after[1:]] == old, f"cut after {number} requests"

    def test_an_alias_points_at_one_version__when_a_move_is_cut_off(self, fresh_registry: Fresh) -> None:
        """Others see the alias at the old version or at the new one, never nowhere; the same call again moves it.

        If this fails: the adapter removes the alias before it sets it. Let one request move it.
        """
        for scene, number in self.disturbed(fresh_registry, move_alias):
            old, new = (each.version for each in scene.versions)
            with scene.connection.cut(after=number):
                done = got_through(scene, move_alias, "set_alias")
            now = scene.others().resolve(MODEL, ALIAS).version
            assert now in ({new} if done else {old, new}), f"cut after {number} requests"
            holders = [each.version for each in scene.whole_versions() if ALIAS in each.aliases]
            assert holders == [now], f"cut after {number} requests"
            move_alias(scene)
            assert dict(scene.subject.back_door.aliases(MODEL)) == {ALIAS: new}

    def test_deleting_is_idempotent_and_final__when_a_deletion_is_cut_off(self, fresh_registry: Fresh) -> None:
        """Others see the version whole or not at all, its alias with it or not; the same call again finishes.

        If this fails: files are removed while the version is still listed, or the alias of a deleted version is left.
        Make the version invisible first, then remove what it held.
        """
        for scene, number in self.disturbed(fresh_registry, delete_version):
            first, second = scene.versions
            with scene.connection.cut(after=number):
                done = got_through(scene, delete_version, "delete_version")
            live = [each.version for each in scene.whole_versions()]
            assert live in ([[second.version]] if done else [[second.version], [second.version, first.version]])
            try:
                resolved = scene.others().resolve(MODEL, ALIAS).version
            except AliasNotFoundError:
                pass
            else:
                assert resolved in live, f"cut after {number} requests, the alias points at a deleted version"
            delete_version(scene)
            assert scene.whole_versions() == [second]
            assert dict(scene.subject.back_door.aliases(MODEL)) == {}

    def test_deleting_is_idempotent_and_final__when_that_of_a_model_is_cut_off(self, fresh_registry: Fresh) -> None:
        """Every version that others still see is whole; the same call again finishes, and the name is free again.

        If this fails: files are removed while their version is still listed, or the second call takes a model that is
        half deleted for one that was never there.
        """
        for scene, number in self.disturbed(fresh_registry, delete_model):
            with scene.connection.cut(after=number):
                done = got_through(scene, delete_model, "delete_model")
            live = scene.whole_versions()
            assert live == [] if done else {each.version for each in live} <= {each.version for each in scene.versions}
            delete_model(scene)
            assert [each.name for each in scene.others().models()] == [], f"cut after {number} requests"
            register_new(scene)
            assert [each.operation_id for each in scene.whole_versions()] == ["op-new"]

    def test_tags_merge__when_the_connection_is_cut(self, fresh_registry: Fresh) -> None:
        """A change of tags that was cut off has touched no other key, and the same call again completes it.

        If this fails: the adapter clears the tags before it sets them, or writes all from what it read earlier.
        """
        for scene, number in self.disturbed(fresh_registry, set_tags):
            first, second = (each.version for each in scene.versions)
            with scene.connection.cut(after=number):
                got_through(scene, set_tags, "set_tags")
            now = scene.others().get(MODEL, first).tags
            assert now.get("kept") == TAGS["kept"], f"cut after {number} requests"
            assert now.get("stage") in {TAGS["stage"], TAGS_AFTER["stage"]}, f"cut after {number} requests"
            set_tags(scene)
            assert scene.others().get(MODEL, first).tags == TAGS_AFTER
            assert scene.others().get(MODEL, second).tags == TAGS

    def test_listings_are_complete_and_current__or_fail_when_the_connection_is_cut(self, fresh_registry: Fresh) -> None:
        """A listing that was cut off raises: it never ends as if that were all.

        If this fails: an error of a later page, or of one element, is taken for the end of the listing.
        """
        for operation in ("models", "versions"):
            complete = CALLS[operation](prepared(fresh_registry()))
            for scene, number in self.disturbed(fresh_registry, CALLS[operation]):
                answers: list[object] = []
                with scene.connection.cut(after=number):
                    got_through(
                        scene,
                        lambda scene, to=answers, list_all=CALLS[operation]: to.append(list_all(scene)),
                        operation,
                    )
                assert answers in ([], [complete]), f"{operation}: cut after {number} requests"
