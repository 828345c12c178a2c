"""Python programs: the tests in one process, under the strict protocol the solution in another.

test_process  the tests                -> hosting, deference          can they be judged strictly?
remote    calls between T and S        -> wire, plain                 values as bytes, and which are data
                                       -> classes, exceptions         what crosses by name
                                       -> mirrors, lending            objects of the other side, and who may what
"""
