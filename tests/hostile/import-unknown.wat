;; Imports what no host of this kind has. expect: refused: it imports `acme:secrets/keys`
(component (import "acme:secrets/keys" (instance)))
