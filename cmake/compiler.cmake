# Flags for every target of the project.
find_program(CCACHE_PROGRAM ccache)
if(CCACHE_PROGRAM)
  # Without these it does not cache what is compiled with a precompiled header.
  set(CMAKE_CXX_COMPILER_LAUNCHER
    ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros ${CCACHE_PROGRAM})
  set(CMAKE_C_COMPILER_LAUNCHER ${CCACHE_PROGRAM})
endif()

add_library(qnext_flags INTERFACE)
target_compile_options(qnext_flags INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wno-unused-parameter)
# g++ 12 sees overlapping copies in std::string where there are none (GCC bug 105329).
target_compile_options(qnext_flags INTERFACE $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict>)
# Nor, in a precompiled header, that the standard library's own code is not to be warned of.
if(QNEXT_PCH)
  target_compile_options(qnext_flags INTERFACE
    "$<$<CXX_COMPILER_ID:GNU>:-Wno-array-bounds;-Wno-stringop-overflow;-Wno-stringop-overread>")
endif()
if(CCACHE_PROGRAM AND QNEXT_PCH)
  target_compile_options(qnext_flags INTERFACE $<$<AND:$<CXX_COMPILER_ID:GNU>,$<COMPILE_LANGUAGE:CXX>>:-fpch-preprocess>)
endif()
# Anonymous namespaces are as private in a file that is compiled together with others as in one compiled alone.
if(CMAKE_UNITY_BUILD)
  target_compile_options(qnext_flags INTERFACE $<$<CXX_COMPILER_ID:GNU>:-Wno-subobject-linkage>)
endif()
# Reductions have one fixed order in every build: the compiler may not fuse a*b+c behind our back
# in the reference backend. SIMD code asks for fused multiply-add by name.
target_compile_options(qnext_flags INTERFACE -ffp-contract=off)
if(QNEXT_SANITIZE)
  target_compile_options(qnext_flags INTERFACE -fsanitize=${QNEXT_SANITIZE} -fno-omit-frame-pointer -g1)
  target_link_options(qnext_flags INTERFACE -fsanitize=${QNEXT_SANITIZE})
  # What sanitizers add confuses g++'s analysis.
  target_compile_options(qnext_flags INTERFACE $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>)
  if(QNEXT_SANITIZE MATCHES "undefined")
    target_compile_options(qnext_flags INTERFACE -fno-sanitize-recover=undefined)
  endif()
endif()
if(QNEXT_FUZZ)
  target_compile_options(qnext_flags INTERFACE -fsanitize=fuzzer-no-link)
  target_link_options(qnext_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()
