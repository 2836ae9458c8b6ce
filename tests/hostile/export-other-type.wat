;; Exports a `describe` that gives a number. expect: refused: it does not export
(component
  (core module $m (func (export "describe") (result i32) (i32.const 7)))
  (core instance $i (instantiate $m))
  (func $describe (result u32) (canon lift (core func $i "describe")))
  (instance $guest (export "describe" (func $describe)))
  (export "watchfire:detector/guest@0.1.0" (instance $guest)))
