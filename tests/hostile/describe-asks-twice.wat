;; Asks for one capability twice. expect: refused: it asks for `state` twice
  ;;; describe
  (func $describe (result i32)
    (i64.store (i32.const 328) (i64.load (i32.const 320)))
    (i32.const 384))
