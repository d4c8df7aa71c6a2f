# SPDX-License-Identifier: MIT
"""The stand-in's signature verifier against the published vectors of version 1.

The vectors' public key was computed from the published signatures themselves (two signatures and
their texts determine the modulus); its fingerprint is the published one.
"""
import unittest

from peers_common import PeerTest

import oci_signature
from certificates import new_key
from cryptography.hazmat.primitives.asymmetric import rsa

MODULUS = int(
    "c2144346c37df21a2872f76a438d94219740b7eab3c98fe0af7d20bcfaadbc871035eb5405354775df0b824d472ad107"
    "76aac05eff6845c9cd83089260d21d4befcfba67850c47b10e7297dd504f477f79bf86cf85511e39b8125e0cad474851"
    "c3f1b1ca0fa92ff053c67c94e8b5cfb6c63270a188bed61aa9d5f21e91ac6cc9", 16)
FINGERPRINT = "73:61:a2:21:67:e0:df:be:7e:4b:93:1e:15:98:a5:b7"
KEY_ID = ("ocid1.tenancy.oc1..aaaaaaaaba3pv6wkcr4jqae5f15p2b2m2yt2j6rx32uzr4h25vqstifsfdsq/"
          "ocid1.user.oc1..aaaaaaaat5nvwcna5j6aqzjcaty5eqbb6qt2jvpkanghtgdaqedqw3rynjq/"
          "20:3b:97:13:55:1c:5b:0d:d3:37:d8:50:4e:c5:3a:34")
# The published date says Thursday; 5 January 2014 was a Sunday. Only the text is signed.
DATE = "Thu, 05 Jan 2014 21:31:40 GMT"
GET = {
    "method": "GET", "names": "date (request-target) host",
    "target": "/20160918/instances?availabilityDomain=Pjwf%3A%20PHX-AD-1&compartmentId=ocid1.compartment"
              ".oc1..aaaaaaaam3we6vgnherjq5q2idnccdflvjsnog7mlr6rtdb25gilchfeyjxa&displayName=TeamXInstances"
              "&volumeId=ocid1.volume.oc1.phx.abyhqljrgvttnlx73nmrwfaux7kcvzfs3s66izvxf2h4lgvyndsdsnoiwr5q",
    "headers": {"date": DATE, "host": "iaas.us-phoenix-1.oraclecloud.com"},
    "signature": "GBas7grhyrhSKHP6AVIj/h5/Vp8bd/peM79H9Wv8kjoaCivujVXlpbKLjMPeDUhxkFIWtTtLBj3sUzaFj34XE6YZAHc"
                 "9r2DmE4pMwOAy/kiITcZxa1oHPOeRheC0jP2dqbTll8fmTZVwKZOKHYPtrLJIJQHJjNvxFWeHQjMaR7M="}
POST = {
    "method": "POST", "target": "/20160918/volumeAttachments",
    "names": "date (request-target) host content-length content-type x-content-sha256",
    "headers": {"date": DATE, "host": "iaas.us-phoenix-1.oraclecloud.com", "content-length": "316",
                "content-type": "application/json",
                "x-content-sha256": "V9Z20UJTvkvpJ50flBzKE32+6m2zJjweHpDMX/U4Uy0="},
    "signature": "Mje8vIDPlwIHmD/cTDwRxE7HaAvBg16JnVcsuqaNRim23fFPgQfLoOOxae6WqKb1uPjYEl0qIdazWaBy/Ml8DRhqloc"
                 "MwoSXv0fbukP8J5N80LCmzT/FFBvIvTB91XuXI3hYfP9Zt1l7S6ieVadHUfqBedWH0itrtPJBgKmrWso="}
PUT = {
    "method": "PUT", "names": "date (request-target) host",
    "target": "/n/ns/b/CCSDACS_CustomerSync/o/C1-DCTIL_0033_00.csv",
    "headers": {"date": DATE, "host": "objectstorage.us-phoenix-1.oraclecloud.com"},
    "signature": "M6bvVVpt3roQSxJYxUhEVXcVM0TyadWbrgYAko3UkpoaQoRtmo2HhV/pAfcAKt9jS/4SOWHJQJpVdqGOGxvj+1uYYgl"
                 "jxlI4wYoIIteq2Y8z3oQqQ0Enj2gZ+aR2XZp0EYg8ZlRfhUMztSPI+KECG/Zvsp/ym54ZcJVVHOA+tHs="}


class Vectors(PeerTest):
    def setUp(self):
        super().setUp()
        self.key = rsa.RSAPublicNumbers(65537, MODULUS).public_key()

    def verify(self, vector, rule="required", **changes):
        vector = {**vector, **changes}
        headers = dict(vector["headers"])
        headers["authorization"] = (
            f'Signature version="1",headers="{vector["names"]}",keyId="{KEY_ID}",'
            f'algorithm="rsa-sha256",signature="{vector["signature"]}"')
        return oci_signature.verify(vector["method"], vector["target"], headers, {KEY_ID: self.key},
                                    1388957500, rule)

    def refusal(self, *arguments, **changes):
        with self.assertRaises(oci_signature.Refused) as caught:
            self.verify(*arguments, **changes)
        return str(caught.exception)

    def test_fingerprint(self):
        self.assertEqual(oci_signature.fingerprint(self.key), FINGERPRINT)

    def test_vectors_pass_the_signature_check(self):
        # The date check comes after the signature check and stumbles over the wrong week day.
        for vector, rule in ((GET, "required"), (POST, "required"), (PUT, "optional")):
            with self.subTest(vector["method"]):
                self.assertIn("week day", self.refusal(vector, rule))

    def test_a_changed_vector_fails_the_signature_check(self):
        for vector, rule in ((GET, "required"), (POST, "required"), (PUT, "optional")):
            with self.subTest(vector["method"]):
                self.assertIn("does not fit", self.refusal(vector, rule, target=vector["target"] + "x"))

    def test_put_of_json_must_sign_its_body(self):
        self.assertIn("is not signed", self.refusal(PUT, "required"))

    def test_signing_string(self):
        text = oci_signature.signing_string("GET", "/api", {"date": DATE, "host": "localhost:7000"},
                                            ["date", "(request-target)", "host"])
        self.assertEqual(text, f"date: {DATE}\n(request-target): get /api\nhost: localhost:7000")

    def test_empty_body_digest(self):
        self.assertEqual(oci_signature.content_digest(b""), "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=")


class OwnSignatures(PeerTest):
    NOW = 1705312951

    @classmethod
    def setUpClass(cls):
        cls.key = new_key()

    def verify(self, at, **changes):
        headers = oci_signature.sign("GET", "/n", {"host": "h"}, self.key, "k", now=self.NOW)
        headers.update(changes)
        return oci_signature.verify("GET", "/n", headers, {"k": self.key.public_key()}, at, "required")

    def test_skew(self):
        for offset in (0, 300, -300):
            self.assertEqual(self.verify(self.NOW + offset)["key_id"], "k")
        for offset in (301, -301):
            with self.assertRaisesRegex(oci_signature.Refused, "skew"):
                self.verify(self.NOW + offset)

    def test_changed_header_and_malformed_authorization(self):
        with self.assertRaisesRegex(oci_signature.Refused, "does not fit"):
            self.verify(self.NOW, host="other")
        for bad in ("", "Basic abc", "Signature version=1", 'Signature version="1"'):
            with self.assertRaises(oci_signature.Refused, msg=bad):
                self.verify(self.NOW, authorization=bad)


if __name__ == "__main__":
    unittest.main()
