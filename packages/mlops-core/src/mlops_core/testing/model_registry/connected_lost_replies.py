"""The backend has done what was asked, and the adapter never learns of it."""

from __future__ import annotations

import pytest

from mlops_core.errors import AliasNotFoundError, ModelNotFoundError, VersionNotFoundError
from mlops_core.ports.model_registry import ModelRegistryCapability
from mlops_core.testing.model_registry.calls import ALIAS, MODEL
from mlops_core.testing.model_registry.connected_scenes import (
    NEW,
    TAGS_AFTER,
    Call,
    Fresh,
    OnAConnection,
    Scene,
    delete_model,
    delete_version,
    got_through,
    move_alias,
    register_new,
    set_tags,
)
from mlops_core.testing.packages import make_package


class LostReplies(OnAConnection):
    """Each request of each call that writes loses its reply once."""

    def test_one_call_makes_one_version__when_a_reply_is_lost(self, fresh_registry: Fresh) -> None:
        """Whichever reply of the first ``register`` of a model is lost, one version comes of it.

        If the call raises ``BackendUnavailableError``, the same call again has to find or make that version.

        If this fails: after a broken connection the adapter sends a request again without having looked for a version
        with its operation id, or takes its own earlier request for somebody else's.
        """
        for scene, number in self.disturbed(fresh_registry, register_new, versions=0):
            with scene.connection.losing_reply(to=number):
                done = got_through(scene, register_new, "register")
            if not done:
                register_new(scene)
            found = [each.operation_id for each in scene.whole_versions()]
            assert found == ["op-new"], f"the reply to request {number} was lost"

    def test_one_call_makes_one_version__and_says_that_it_is_new(self, fresh_registry: Fresh) -> None:
        """A call that found its own version after a lost reply answers as if the reply had come.

        If this fails: the adapter answers with a version of equal content, as ``reused``, without comparing its
        operation id with that of the call.
        """
        for scene, number in self.disturbed(fresh_registry, register_new):
            answers: list[object] = []
            with scene.connection.losing_reply(to=number):
                got_through(scene, lambda scene, answers=answers: answers.append(register_new(scene)), "register")
            ours = [each for each in scene.whole_versions() if each.digest == NEW.manifest.digest]
            assert answers in ([], ours), f"the reply to request {number} was lost"
            assert not any(getattr(each, "reused", False) for each in answers)

    def test_one_call_makes_one_version__beside_an_older_one_of_equal_content(self, fresh_registry: Fresh) -> None:
        """With ``if_exists="new"`` only the operation id tells this call's version from an older one.

        If this fails: the adapter looks for the outcome of a lost request by the digest. Look by the operation id.
        """
        same = make_package("model 1")

        def register_again(scene: Scene) -> object:
            return scene.registry.register(MODEL, same, operation_id="op-new", if_exists="new")

        for scene, number in self.disturbed(fresh_registry, register_again):
            with scene.connection.losing_reply(to=number):
                done = got_through(scene, register_again, "register")
            operations = [each.operation_id for each in reversed(scene.whole_versions())]
            old = ["op-0", "op-1"]
            allowed = [[*old, "op-new"]] if done else [old, [*old, "op-new"]]
            assert operations in allowed, f"the reply to request {number} was lost"
            scene.registry.register(MODEL, same, operation_id="op-new")
            assert [each.operation_id for each in reversed(scene.whole_versions())] == operations

    def test_an_alias_points_at_one_version__when_a_reply_is_lost(self, fresh_registry: Fresh) -> None:
        """Moving an alias ends where it was asked to.

        If this fails: the adapter gives up silently, or leaves the alias out of sight between two requests.
        """
        for scene, number in self.disturbed(fresh_registry, move_alias):
            with scene.connection.losing_reply(to=number):
                done = got_through(scene, move_alias, "set_alias")
            if not done:
                move_alias(scene)
            _assert_moved(scene, number)

    def test_an_alias_points_at_one_version__and_its_own_write_is_no_rival(self, fresh_registry: Fresh) -> None:
        """A move with ``expected`` that has lost a reply is never told that another writer was faster.

        Without ``ALIAS_COMPARE_AND_SET`` there is nothing to be lost: the call is refused.

        If this fails: with ``ConflictError``, the adapter repeats a compare-and-set that has succeeded. After an
        unknown outcome look first at what the alias points at.
        """
        exact = ModelRegistryCapability.ALIAS_COMPARE_AND_SET in fresh_registry().registry.capabilities

        def move_from_the_oldest(scene: Scene) -> None:
            old, new = (each.version for each in scene.versions)
            scene.registry.set_alias(MODEL, ALIAS, new, expected=old)

        for scene, number in self.disturbed(fresh_registry, move_from_the_oldest) if exact else ():
            with scene.connection.losing_reply(to=number):
                done = got_through(scene, move_from_the_oldest, "set_alias")
            if not done and scene.others().resolve(MODEL, ALIAS).version == scene.versions[0].version:
                move_from_the_oldest(scene)
            _assert_moved(scene, number)

    def test_tags_merge__when_a_reply_is_lost(self, fresh_registry: Fresh) -> None:
        """Setting tags ends with those that were asked for, and with the others as they were.

        If this fails: the adapter sends a write again with what it read before the first, or gives up silently.
        """
        for scene, number in self.disturbed(fresh_registry, set_tags):
            with scene.connection.losing_reply(to=number):
                done = got_through(scene, set_tags, "set_tags")
            if not done:
                set_tags(scene)
            tags = scene.others().get(MODEL, scene.versions[0].version).tags
            assert tags == TAGS_AFTER, f"the reply to request {number} was lost"

    def test_deleting_is_idempotent_and_final__when_a_reply_is_lost(self, fresh_registry: Fresh) -> None:
        """Deleting a version or a model ends with it gone, and no error about what the call itself has deleted.

        If this fails: with ``VersionNotFoundError`` or ``ModelNotFoundError``, the adapter repeats a delete that has
        succeeded and takes its own work for a missing subject.
        """
        deletions: dict[str, Call] = {"delete_version": delete_version, "delete_model": delete_model}
        for operation, delete in deletions.items():
            for scene, number in self.disturbed(fresh_registry, delete):
                with scene.connection.losing_reply(to=number):
                    done = got_through(scene, delete, operation)
                if not done:
                    delete(scene)
                left = [] if operation == "delete_model" else [scene.versions[1]]
                assert scene.whole_versions() == left, f"{operation}: the reply to request {number} was lost"
                missing = AliasNotFoundError if left else ModelNotFoundError
                with pytest.raises(missing):
                    scene.others().resolve(MODEL, ALIAS)
                with pytest.raises(VersionNotFoundError if left else ModelNotFoundError):
                    scene.others().get(MODEL, scene.versions[0].version)


def _assert_moved(scene: Scene, number: int) -> None:
    new = scene.versions[-1].version
    assert scene.others().resolve(MODEL, ALIAS).version == new, f"the reply to request {number} was lost"
    assert dict(scene.subject.back_door.aliases(MODEL)) == {ALIAS: new}
