"""Serves Presidio's analyzer and anonymizer on a free port, which it prints, until standard input ends.

The engines are those of the packages from PyPI, and requests and answers are read and written as Presidio's own servers do
(presidio-analyzer/app.py and presidio-anonymizer/app.py of microsoft/presidio), which the packages leave out. There is no model of
a language: the pattern recognizers alone work, on an empty pipeline of spaCy.
"""

import json
import sys
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import spacy
from presidio_analyzer import AnalyzerEngine, RecognizerRegistry
from presidio_analyzer.analyzer_request import AnalyzerRequest
from presidio_analyzer.nlp_engine import SpacyNlpEngine
from presidio_analyzer.predefined_recognizers import CreditCardRecognizer, EmailRecognizer, IbanRecognizer, IpRecognizer, PhoneRecognizer, UsSsnRecognizer
from presidio_anonymizer import AnonymizerEngine
from presidio_anonymizer.services.app_entities_convertor import AppEntitiesConvertor

folder = tempfile.mkdtemp()
spacy.blank("en").to_disk(folder)
registry = RecognizerRegistry(recognizers=[r() for r in (CreditCardRecognizer, EmailRecognizer, IbanRecognizer, IpRecognizer, PhoneRecognizer, UsSsnRecognizer)], supported_languages=["en"])
analyzer = AnalyzerEngine(registry=registry, nlp_engine=SpacyNlpEngine(models=[{"lang_code": "en", "model_name": folder}]), supported_languages=["en"])
anonymizer = AnonymizerEngine()


def analyze(content):
    request = AnalyzerRequest(content)
    found = analyzer.analyze(
        text=request.text, language=request.language, correlation_id=request.correlation_id, score_threshold=request.score_threshold, entities=request.entities,
        return_decision_process=request.return_decision_process, ad_hoc_recognizers=request.ad_hoc_recognizers, context=request.context,
        allow_list=request.allow_list, allow_list_match=request.allow_list_match, regex_flags=request.regex_flags,
    )
    return json.dumps(found, default=lambda o: o.to_dict(), sort_keys=True)


def anonymize(content):
    operators = AppEntitiesConvertor.operators_config_from_json(content.get("anonymizers"))
    results = AppEntitiesConvertor.analyzer_results_from_json(content.get("analyzer_results"))
    return anonymizer.anonymize(text=content.get("text", ""), analyzer_results=results, operators=operators).to_json()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        content = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        try:
            body, status = {"/analyze": analyze, "/anonymize": anonymize}[self.path](content), 200
        except Exception as e:
            body, status = json.dumps({"error": str(e)}), 500
        data = body.encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
server.daemon_threads = True
threading.Thread(target=server.serve_forever, daemon=True).start()
print(server.server_address[1], flush=True)
sys.stdin.read()
