# Everything a newcomer needs. The real build is CMake's: see CMakePresets.json.
PREFIX ?= /usr/local

.PHONY: run build test test-dev test-tsan lint format bench fuzz install clean

# First builds are faster so; a developer calls cmake with the presets, where a changed file is compiled alone.
UNITY = -DCMAKE_UNITY_BUILD=ON

# Sets up, builds and lets the embedded model answer.
run: build
	build/release/qnext run

# The program alone: the tests need more packages.
build:
	@scripts/install-deps
	@cmake --preset release -DQNEXT_TESTS=OFF $(UNITY) >/dev/null
	@cmake --build --preset release

test:
	@scripts/install-deps --tests
	@cmake --preset release -DQNEXT_TESTS=ON $(UNITY) >/dev/null
	@cmake --build --preset release
	@ctest --preset release --no-tests=error -j 2

# The same tests under the address and undefined-behaviour sanitizers.
test-dev:
	@scripts/install-deps --tests
	@cmake --preset dev $(UNITY) >/dev/null
	@cmake --build --preset dev
	@ctest --preset dev --no-tests=error -j 2

# The threaded parts under the thread sanitizer.
test-tsan:
	@scripts/install-deps --tests
	@cmake --preset tsan $(UNITY) >/dev/null
	@cmake --build --preset tsan
	@ctest --preset tsan --no-tests=error -j 2

lint:
	@tools/check_format
	@tools/check_layers

format:
	@git ls-files '*.h' '*.cc' | xargs clang-format -i

bench:
	@scripts/install-deps --tests
	@cmake --preset release -DQNEXT_BENCH=ON -DQNEXT_TESTS=ON $(UNITY) >/dev/null
	@cmake --build --preset release

fuzz:
	@scripts/install-deps --tests
	@cmake --preset fuzz >/dev/null
	@cmake --build --preset fuzz

install: build
	@cmake --install build/release --prefix $(PREFIX)

clean:
	rm -rf build
