"""The checks of `tests/deploy/run`. One line a check: `ok NAME` or `not ok NAME: why`; the last line counts them."""

import argparse
import json
import re
import subprocess
import sys
import tempfile
import traceback
from pathlib import Path

import jsonschema
import kubernetes_validate
import yaml

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
CHART = DEPLOY / "helm/chaperone"
KUBERNETES = "1.34"
TEMPLATE = ["template", "it", str(CHART), "--kube-version", f"v{KUBERNETES}.0", "-f"]
# Kinds that operators bring, judged by the operators' own definitions where these are at hand.
NOT_IN_KUBERNETES = {"ExternalSecret", "PodMonitor"}
POD_KINDS = {"Pod": ["spec"], "Deployment": ["spec", "template", "spec"]}
# What every refusal of the values schema must name, and the flags that bring it about, on top of a good file.
REFUSED = {
    "no secret is named": ("existing", "standalone", ["--set", "secret.existing="]),
    "two sources of secrets": ("existing", "external", ["--set", "secret.existing=x"]),
    "an external secret without a store": ("name", "external", ["--set", "secret.external.storeRef.name="]),
    "an external secret without data": ("data", "external", ["--set", "secret.external.data=null,secret.external.data={}"]),
    "no policy": ("inline", "standalone", ["--set", "policies.inline=null,policies.existingConfigMap="]),
    "a policy that is no document": ("inline", "standalone", ["--set", r"policies.inline.readme\.md=x"]),
    "an unknown shape": ("shape", "standalone", ["--set", "shape=daemonset"]),
    "an unknown key": ("polices", "standalone", ["--set", "polices.inline=x"]),
    "a sidecar without an agent": ("containers", "sidecar", ["--set", "sidecar.containers=null"]),
    "an agent without an image": ("image", "sidecar", ["--set", "sidecar.containers[0].image=null"]),
    "a listener of one's own": ("listen", "standalone", ["--set", "config.listen=0.0.0.0:1"]),
    "a drain that is no number": ("drainSeconds", "standalone", ["--set", "drainSeconds=25s"]),
    "no time to say goodbye": ("graceSeconds", "standalone", ["--set", "graceSeconds=0"]),
    "a digest that is none": ("digest", "standalone", ["--set", "image.digest=latest"]),
    "a port that is none": ("port", "standalone", ["--set", "service.port=99999"]),
}


def documents(text):
    return [document for document in yaml.safe_load_all(text) if document]


def manifests():
    """Every set of documents that is applied together: by name, the manifests of a folder or of a values file."""
    for folder in sorted((DEPLOY / "kubernetes").iterdir()):
        listed = yaml.safe_load((folder / "kustomization.yaml").read_text())["resources"]
        there = sorted(file.name for file in folder.glob("*.yaml") if file.name != "kustomization.yaml")
        assert sorted(listed) == there, f"{folder.name}: kustomization.yaml lists {listed}, the folder has {there}"
        yield folder.name, [document for file in listed for document in documents((folder / file).read_text())]
    for file in sorted((CHART / "ci").glob("*.yaml")):
        yield f"chart, {file.stem}", documents(helm(*TEMPLATE, str(file)))


def helm(*arguments):
    return subprocess.run([OPTIONS.helm, *arguments], check=True, capture_output=True, text=True).stdout


def pods(resources):
    for resource in resources:
        if path := POD_KINDS.get(resource["kind"]):
            spec = resource
            for key in path:
                spec = spec[key]
            yield spec


def is_valid(resources):
    for resource in resources:
        if resource["kind"] not in NOT_IN_KUBERNETES:
            kubernetes_validate.validate(resource, KUBERNETES, strict=True)


def definitions():
    """The strict schema of each version of each kind that a CustomResourceDefinition of `--crds` defines."""
    found = {}
    for file in sorted(Path(OPTIONS.crds).glob("*.yaml")):
        for document in documents(file.read_text()):
            spec = document["spec"]
            for version in (one for one in spec["versions"] if one["served"]):
                key = f"{spec['group']}/{version['name']}", spec["names"]["kind"]
                found[key] = strict(version["schema"]["openAPIV3Schema"])
    return found


def strict(schema):
    """As an API server takes it with `fieldValidation: Strict`: no field that the schema does not name."""
    if isinstance(schema, list):
        return [strict(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    changed = {key: strict(value) for key, value in schema.items()}
    if schema.get("x-kubernetes-int-or-string"):
        changed.pop("type", None)
    open_ended = schema.get("x-kubernetes-preserve-unknown-fields") or "additionalProperties" in schema
    if schema.get("type") == "object" and isinstance(schema.get("properties"), dict) and not open_ended:
        changed["additionalProperties"] = False
    return changed


def is_known_to_its_operator(resources, known):
    for resource in resources:
        if resource["kind"] in NOT_IN_KUBERNETES:
            schema = known[resource["apiVersion"], resource["kind"]]
            # The API server itself knows `metadata`; definitions leave it open.
            schema = schema | {"properties": schema["properties"] | {"metadata": {"type": "object"}}}
            jsonschema.Draft7Validator(schema).validate(resource)
            misspelt = resource | {"spec": resource["spec"] | {"misspelt": 1}}
            assert not jsonschema.Draft7Validator(schema).is_valid(misspelt), "the schema takes anything"


def is_confined(resources):
    """What keeps a pod safe is the same everywhere."""
    for spec in pods(resources):
        volumes = {volume["name"] for volume in spec["volumes"]}
        ours = [one for one in spec.get("initContainers", []) + spec["containers"] if "chaperone" in one["image"]]
        assert ours, "no container of chaperone"
        for container in (one for one in ours if "agent" not in one["name"]):
            security = container["securityContext"]
            assert security["runAsNonRoot"] and security["readOnlyRootFilesystem"], security
            assert security["allowPrivilegeEscalation"] is False and security["capabilities"] == {"drop": ["ALL"]}, security
            assert security["runAsUser"] == 65532, security
            profile = security.get("seccompProfile") or spec["securityContext"]["seccompProfile"]
            assert profile == {"type": "RuntimeDefault"}, profile
            assert not container["image"].endswith(":latest") and container["resources"]["limits"]["memory"]
            for mount in container.get("volumeMounts", []):
                assert mount["readOnly"] and mount["name"] in volumes, mount


def is_probed(resources):
    """The kubelet asks the admin port, and what it asks for exists."""
    for spec in pods(resources):
        serving = [one for one in spec.get("initContainers", []) + spec["containers"] if one.get("args", [""])[0] == "serve"]
        assert len(serving) == 1, "one container serves"
        probes = {name: serving[0][name]["httpGet"]["path"] for name in ("readinessProbe", "livenessProbe")}
        assert probes == {"readinessProbe": "/readyz", "livenessProbe": "/livez"}, probes
        named = {port["name"]: port["containerPort"] for port in serving[0]["ports"]}
        for name in ("readinessProbe", "livenessProbe"):
            port = serving[0][name]["httpGet"]["port"]
            assert named.get(port, port) == 9090, port


def has_time_to_drain(resources):
    drain = int(re.fullmatch(r"(\d+)s", configuration(resources)["limits"]["drain"])[1])
    for spec in pods(resources):
        assert spec["terminationGracePeriodSeconds"] >= drain + 2, f"drain {drain} s"


def configuration(resources):
    texts = [one["data"]["chaperone.yaml"] for one in resources if "chaperone.yaml" in one.get("data", {})]
    assert len(texts) == 1, f"{len(texts)} configurations"
    return yaml.safe_load(texts[0])


def is_taken_by_chaperone(resources):
    """The configuration and the policies in the ConfigMaps, with secrets in place, pass `chaperone check`."""
    found = configuration(resources)
    policies = [one["data"] for one in resources if one["kind"] == "ConfigMap" and "chaperone.yaml" not in one["data"]]
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        (home / "policies").mkdir()
        kept = policies or [{"own.yaml": "name: own\naccount: affinity\ntoken: {file: /secrets/chaperone/own-token}\n"}]
        text = yaml.safe_dump(found).replace("/policies", str(home / "policies"))
        for name, policy in kept[0].items():
            (home / "policies" / name).write_text(policy.replace("/secrets", str(home / "secrets")))
            text += policy
        for number, secret in enumerate(sorted(set(re.findall(r"/secrets/[\w./-]+", text)))):
            (home / secret[1:]).parent.mkdir(parents=True, exist_ok=True)
            (home / secret[1:]).write_text(f"a-secret-of-more-than-thirty-two-characters-{number}")
        config = yaml.safe_dump(found).replace("/policies", str(home / "policies")).replace("/secrets", str(home / "secrets"))
        (home / "chaperone.yaml").write_text(config)
        command = [OPTIONS.chaperone, "check", "--config", str(home / "chaperone.yaml")]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr


def is_refused(word, values, flags):
    command = [OPTIONS.helm, *TEMPLATE, str(CHART / f"ci/{values}-values.yaml"), *flags]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode != 0, "the values were taken"
    assert "schema" in done.stderr and word in done.stderr, done.stderr


def is_linted(file):
    helm("lint", "--strict", str(CHART), "-f", str(file))


def lists_what_is_linked_in():
    document = json.loads(subprocess.run([DEPLOY / "sbom"], check=True, capture_output=True, text=True).stdout)
    names = {package["name"] for package in document["packages"]}
    assert {"chaperone", "hyper", "rustls", "ring"} <= names, "a package is missing"
    assert not names & {"rmcp", "proptest", "serde_derive", "clap_derive"}, "a package is not in the binary"


def checks():
    known = definitions() if OPTIONS.crds else {}
    for name, resources in manifests():
        if known and any(one["kind"] in NOT_IN_KUBERNETES for one in resources):
            yield f"{name} is known to its operators", is_known_to_its_operator, (resources, known)
        for check in (is_valid, is_confined, is_probed, has_time_to_drain, is_taken_by_chaperone):
            yield f"{name} {check.__name__.replace('_', ' ')}", check, (resources,)
    for file in sorted((CHART / "ci").glob("*.yaml")):
        yield f"chart, {file.stem} is linted", is_linted, (file,)
    for name, arguments in REFUSED.items():
        yield f"the values schema refuses {name}", is_refused, arguments
    yield "the bill of materials lists what is linked in", lists_what_is_linked_in, ()


def main():
    passed = failed = 0
    for name, check, arguments in checks():
        try:
            check(*arguments)
            passed += 1
            print(f"ok {name}")
        except Exception as trouble:
            failed += 1
            why = " ".join(str(trouble).split()) or traceback.format_exc(limit=-1).splitlines()[-2].strip()
            print(f"not ok {name}: {why[:400]}")
    print(f"{passed} passed, {failed} failed")
    return failed != 0 or passed == 0


parser = argparse.ArgumentParser()
parser.add_argument("--helm", required=True)
parser.add_argument("--chaperone", required=True)
parser.add_argument("--crds", help="a folder of CustomResourceDefinitions (default: what operators bring is not judged)")
OPTIONS = parser.parse_args()
sys.exit(main())
